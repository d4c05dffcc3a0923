# `make demo` shows the main purpose; `make test` and `make test-slow` together run every test. Each target
# creates its environment in .venv and changes no other environment.

.DEFAULT_GOAL := help
VENV := .venv
RUN = $(VENV)/bin/python
READY = $(VENV)/.ready

# pytest rewrites its plugins and the tests in each process, unless it may store their bytecode. The tests
# start some thousand processes. An empty value is the same to Python as no variable.
export PYTHONDONTWRITEBYTECODE :=

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: $(READY) ## run the examples' tests twice: first synthesized, then replayed; ARGS="voice-agent"
	@$(RUN) tools/demo.py $(ARGS)

test: $(READY) ## run all tests but the slow ones; ARGS="..." goes to pytest
	@$(RUN) -m pytest -q -n auto $(ARGS)

test-slow: $(READY) ## run the tests that are marked as slow (some minutes); ARGS="..." goes to pytest
	@$(RUN) -m pytest -q -n auto -m slow $(ARGS)

test-sdks: $(READY) ## run the tests of the adapters with the oldest SDKs; ARGS="..." goes to pytest
	@sh tools/test_sdks.sh $(VENV)-sdks "$$($(RUN) -c 'import sys; print(sys._base_executable)')" $(ARGS)

test-servers: $(READY) ## run the tests of russo-remote with moto, rclone and azurite; ARGS="..." goes to pytest
	@sh tools/test_servers.sh $(VENV)-servers "$$($(RUN) -c 'import sys; print(sys._base_executable)')" $(ARGS)

torture: $(READY) ## run the torture tests of the cache, ten times as long as in `make test`
	@RUSSO_TORTURE=10 $(RUN) -m pytest tests/torture -q -m "" $(ARGS)

bench: $(VENV)/.bench ## measure russo and the alternatives; ARGS="--full", "--only hit", "--json FILE"
	@$(RUN) -m benchmarks $(ARGS)

docs: $(READY) ## build the documentation strictly into site/; open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

lint: $(READY) ## check style, format and types
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

format: $(READY) ## format the code
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

environment: $(READY) ## create the environment only

clean: ## remove the environment and the files of the tools
	rm -rf $(VENV) $(VENV)-sdks $(VENV)-servers site .mypy_cache .pytest_cache .ruff_cache examples/*/.russo_cache examples/*/.russo_calls

# Entry points and dependencies are read at install, so the environment depends on every pyproject.toml.
$(READY): requirements-dev.txt $(wildcard russo-*/pyproject.toml) tools/environment.sh
	@sh tools/environment.sh $(VENV)
	@touch $@

# The environment has no pip; the interpreter that created it has.
$(VENV)/.bench: $(READY) requirements-bench.txt
	@"$$($(RUN) -c 'import sys; print(sys._base_executable)')" -m pip --python $(RUN) install --quiet \
		--prefer-binary --disable-pip-version-check -r requirements-bench.txt
	@touch $@

.PHONY: help demo test test-slow test-sdks test-servers torture bench docs lint format environment clean
