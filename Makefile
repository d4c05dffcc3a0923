# `make demo` shows the main job, `make test` runs every test. Each makes what it needs in .venv,
# and touches no other environment.

.DEFAULT_GOAL := help
VENV := .venv
PYTHON = $(VENV)/bin/python
READY = $(VENV)/.ready

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: $(READY) ## speak the example's prompts once, replay them, and tell what happened
	@$(PYTHON) tools/demo.py

test: $(READY) ## run all tests; ARGS="..." goes to pytest
	@$(PYTHON) -m pytest -q -n auto --dist loadgroup $(ARGS)

torture: $(READY) ## the torture of the cache, ten times as long as in `make test`
	@RUSSO_TORTURE=10 $(PYTHON) -m pytest tests/torture -q $(ARGS)

bench: $(VENV)/.bench ## measure, beside the alternatives; ARGS="--full", "--only hit", "--json FILE"
	@$(PYTHON) -m benchmarks $(ARGS)

docs: $(READY) ## build the documentation into site/, strictly; open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict

lint: $(READY) ## check style, format and types
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

format: $(READY) ## put the code into form
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

environment: $(READY) ## make the environment only

clean: ## remove the environment and what the tools left
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache examples/*/.russo_cache

# Entry points and dependencies are read at install, so every pyproject.toml counts.
$(READY): requirements-dev.txt $(wildcard russo-*/pyproject.toml) tools/environment.sh
	@sh tools/environment.sh $(VENV)
	@touch $@

# The environment has no pip of its own; the interpreter that it was made with has.
$(VENV)/.bench: $(READY) requirements-bench.txt
	@"$$($(PYTHON) -c 'import sys; print(sys._base_executable)')" -m pip --python $(PYTHON) install --quiet \
		--prefer-binary --disable-pip-version-check -r requirements-bench.txt
	@touch $@

.PHONY: help demo test torture bench docs lint format environment clean
