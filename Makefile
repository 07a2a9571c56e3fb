# A fresh clone needs Python >= 3.11 and npm; everything else comes with `make setup`, which the others call.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stamps: each is younger than what it was made from, so a second run does nothing.
READY := $(VENV)/.ready
NODE := node_modules/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	--no-emit-find-links --resolver=backtracking

.DEFAULT_GOAL := help
.PHONY: help setup demo up test pytest simulation bench lint types arrows fmt migration lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) $(NODE) ## install everything into .venv and node_modules, by hash

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Keeper needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(READY): $(VENV)/.made requirements/dev.lock pyproject.toml
	$(PIP) install --require-hashes --requirement requirements/dev.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(NODE): package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: setup ## three sellers and four platforms, loaded through real parts while the platforms misbehave
	@$(BIN)/keeper demo $(ARGS)

up: setup ## the same parts to click through, until Ctrl-C: prints the address to open
	@$(BIN)/keeper up --sandbox $(ARGS)

test: lint types arrows pytest ## lint, format, types, arrows of the house, then every test

pytest: setup
	@$(BIN)/pytest --numprocesses auto --dist loadfile $(ARGS)

lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted: run make fmt"; exit 1; }

types: setup ## mypy --strict
	@$(BIN)/mypy

arrows: setup
	@$(BIN)/lint-imports --no-logo

fmt: setup ## put code into its format
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

simulation: setup ## three simulated days of one key: 8 processes, 200 kills (needs libfaketime)
	@$(BIN)/python -m tests.simulation $(ARGS)

bench: setup ## the benchmarks, beside a plain loop
	@$(BIN)/python -m benchmarks $(ARGS)

migration: setup ## what supabase/schemas say and no migration does yet: NAME=what_changes, or ARGS=--check
	@$(BIN)/python -m tools.migration $(NAME) $(ARGS)

lock: setup ## resolve dependencies anew and write the locks
	$(COMPILE) --upgrade --output-file requirements.txt pyproject.toml
	$(COMPILE) --upgrade --extra dev --extra otel --extra sandbox --constraint requirements.txt \
		--output-file requirements/dev.lock pyproject.toml

clean: ## remove everything that make made
	rm -rf $(VENV) node_modules .keeper .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
