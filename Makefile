# Every target sets itself up: a virtual environment in .venv, nothing global.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-annotate --no-emit-index-url --quiet \
  --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo test chaos check bench bench-hubs bench-http fmt lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Weir needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(BIN)/weir: | $(VENV)/bin/python
	@printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s/python" -m weir "$$@"\n' "$(CURDIR)" "$(CURDIR)/$(BIN)" > $@
	@chmod +x $@

$(VENV)/.demo: requirements/demo.txt | $(BIN)/weir
	@echo "installing what the demo needs into $(VENV) (about a minute, once)"
	@$(PIP) -r requirements/demo.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/weir
	@echo "installing the development tools into $(VENV) (about a minute, once)"
	@$(PIP) -r requirements/dev.txt
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo  ## train, convert, certify, then score 200,000 transactions through an embedded broker
	@$(BIN)/weir demo

test: $(VENV)/.dev  ## every test, Apache Kafka's among them
	@$(BIN)/python -m pytest

chaos: $(VENV)/.dev  ## kill workers and brokers for twenty minutes, and count what became of a million events
	@$(BIN)/python -m pytest -m chaos tests/chaos

check: $(VENV)/.dev  ## ruff, mypy, import-linter and the documents
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest tests/docs/test_static.py

bench: $(VENV)/.dev  ## the stream against a bare loop, on Apache Kafka on this machine
	@$(BIN)/python -m benchmarks.stream

bench-hubs: $(VENV)/.dev  ## the same worker reading Event Hubs and reading Kafka
	@$(BIN)/python -m benchmarks.event_hubs

bench-http: $(VENV)/.dev  ## the HTTP door against Azure ML's server, MLServer, FastAPI and a bare session
	@$(BIN)/python -m benchmarks.http

fmt: $(VENV)/.dev  ## format the code and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# requirements.txt is what Azure Functions' remote build reads, functions-runtime.txt the platform's own part, for tests.
lock: $(VENV)/.dev  ## pin every dependency with its hashes again
	@for set in serving:"" replay:"--group replay" spark:"--group spark" demo:"--group demo" dev:"--group dev"; do \
	  $(COMPILE) pyproject.toml $${set#*:} --python-version 3.11 -o requirements/$${set%%:*}.txt; done
	@cp requirements/serving.txt requirements.txt
	@printf 'azure-functions-runtime==1.3.*\nazurefunctions-extensions-base\n' | \
	  $(COMPILE) - --no-deps --python-version 3.13 -o requirements/functions-runtime.txt

clean:  ## remove what the targets made
	@rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
