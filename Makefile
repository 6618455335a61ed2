# `make start` runs a cluster on the built-in sandbox; `make test` passes the suite. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: start test check format clean clients

start: $(STAMP)
	@exec $(BIN)/dcgw-cluster start --sandbox

test: $(STAMP) tests/clients/node_modules/.installed
	$(BIN)/pytest -n 2 --dist worksteal

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make start PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "Making a virtual environment in $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing dcgw-cluster and what it needs (a minute or so) ..."
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable . --group dev --group clients
	@touch $@

clean:
	rm -rf $(VENV) tests/clients/node_modules build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
