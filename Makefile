# Set-up and the two commands of the README. Everything lies in .venv; nothing outside is touched.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint unit bench schema clean help

help:
	@echo "make demo    install into $(VENV) and run liveact-mini and controls on talkers"
	@echo "make test    install what is needed, check style and types, run all tests"
	@echo "make unit    run the quick tests only: two minutes on two cores"
	@echo "make bench   measure decoding against the steps of the reference tools"
	@echo "make clean   remove $(VENV) and what was built"
	@echo "Another interpreter: make PYTHON=python3.11 demo"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))' || \
	  { echo "Python 3.10 to 3.12 is needed, $$($(PYTHON) --version) found. Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV): about 5 GB with torch, a few minutes on a fast line."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	@echo "Installing into $(VENV), with what the tests need: about 5 GB with torch, a few minutes on a fast line."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/liveact-eval run --out runs/demo

# Where the environment forbids byte code, every process of a test would compile the package and the tests anew.
test unit: export PYTHONDONTWRITEBYTECODE =

test: lint
	$(BIN)/pytest -n auto --dist loadfile

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.installed-dev
	$(BIN)/pytest tests/unit -m "not slow" -n auto --dist loadfile

bench: $(VENV)/.installed-bench
	$(BIN)/python bench/decode.py
	$(BIN)/python bench/memory.py

# The name of each file, and the module that says what it holds.
SCHEMAS := results:results.schema selftest:selftest.schema comparison:comparing.schema baseline:gate.baseline \
	efficiency:efficiency.schema

schema: $(VENV)/.installed
	@for pair in $(SCHEMAS); do \
	  $(BIN)/python -c "import json; from liveact_eval.$${pair#*:} import json_schema; print(json.dumps(json_schema(), indent=2, ensure_ascii=False))" \
	    > docs/schema/$${pair%%:*}-1.json || exit 1; \
	done

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
