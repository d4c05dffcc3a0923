# `make demo` shows the main job; `make test` and `make test-slow` together run every test. Each makes
# what it needs in .venv, and touches no other environment.

.DEFAULT_GOAL := help
VENV := .venv
RUN = $(VENV)/bin/python
READY = $(VENV)/.ready

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: $(READY) ## speak the example's prompts once, replay them, and tell what happened
	@$(RUN) tools/demo.py

test: $(READY) ## run all tests but the slow ones; ARGS="..." goes to pytest
	@$(RUN) -m pytest -q -n auto $(ARGS)

test-slow: $(READY) ## run the tests that are marked as slow, some minutes; ARGS="..." goes to pytest
	@$(RUN) -m pytest -q -n auto -m slow $(ARGS)

torture: $(READY) ## the torture of the cache, ten times as long as in `make test`
	@RUSSO_TORTURE=10 $(RUN) -m pytest tests/torture -q -m "" $(ARGS)

bench: $(VENV)/.bench ## measure, beside the alternatives; ARGS="--full", "--only hit", "--json FILE"
	@$(RUN) -m benchmarks $(ARGS)

docs: $(READY) ## build the documentation into site/, strictly; open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --strict

lint: $(READY) ## check style, format and types
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

format: $(READY) ## put the code into form
	@$(RUN) -m ruff check --fix .
	@$(RUN) -m ruff format .

environment: $(READY) ## make the environment only

clean: ## remove the environment and what the tools left
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache examples/*/.russo_cache

# Entry points and dependencies are read at install, so every pyproject.toml counts.
$(READY): requirements-dev.txt $(wildcard russo-*/pyproject.toml) tools/environment.sh
	@sh tools/environment.sh $(VENV)
	@touch $@

# The environment has no pip of its own; the interpreter that it was made with has.
$(VENV)/.bench: $(READY) requirements-bench.txt
	@"$$($(RUN) -c 'import sys; print(sys._base_executable)')" -m pip --python $(RUN) install --quiet \
		--prefer-binary --disable-pip-version-check -r requirements-bench.txt
	@touch $@

.PHONY: help demo test test-slow torture bench docs lint format environment clean
