# Everything is done in a virtual environment that is made on the first call.
# Needed beforehand: GNU make and Python 3.11 or newer (`make PYTHON=/some/python` if it is not `python3`).

PYTHON ?= python3
VENV ?= .venv
VENV_BENCH ?= .venv-bench
JOBS ?= 2
DEMO_DIR ?= demo-run
PYTEST = $(VENV)/bin/python -m pytest -n $(JOBS) --dist loadfile

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# The workers of a test run share the cores; matrix products that wait for each other's threads don't.
test test-deep: export OPENBLAS_NUM_THREADS = 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-deep lint format bench oracle clean

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

demo: $(VENV)/.demo ## train on real data, be killed, resume, audit both logs
	$(VENV)/bin/python examples/digits.py --directory $(DEMO_DIR)

test: lint ## formatter, linter, types, import rules and all tests
	$(PYTEST)

test-deep: $(VENV)/.deep ## property tests with many more examples, and the tests marked deep
	$(PYTEST) --hypothesis-profile=deep -m 'deep or not deep'

lint: $(VENV)/.dev ## formatter, linter, types and import rules
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.dev ## write the code as the formatter wants it
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(VENV_BENCH)/.bench ## what a step, the log, a checkpoint, a check and a graph cost, beside their peers
	$(VENV_BENCH)/bin/python -m benchmarks.step
	$(VENV_BENCH)/bin/python -m benchmarks.log
	$(VENV_BENCH)/bin/python -m benchmarks.checkpoint
	$(VENV_BENCH)/bin/python -m benchmarks.conformance
	$(VENV_BENCH)/bin/python -m benchmarks.graph

oracle: $(VENV)/.dev ## compare with recorded TensorFlow traces: make oracle CORPUS=FILE
	$(VENV)/bin/python -m tests.oracle $(if $(LIST),--list) $(ORACLE_FLAGS) $(CORPUS)

clean: ## remove what the other targets made
	rm -rf $(VENV) $(VENV_BENCH) $(DEMO_DIR) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# One file a set of packages says that it is installed; a change of pyproject.toml makes it stale.

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable '.[demo]'
	touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable '.[cli,demo,flags,hash,records,sign,sql,summary,testing]' --group dev
	touch $@ $(VENV)/.demo

# Other people's readers are optional: without them their tests say so and are skipped.
$(VENV)/.deep: $(VENV)/.dev
	-$(VENV)/bin/python -m pip install --quiet --group deep
	-$(VENV)/bin/python -m pip install --quiet --group fuzz
	touch $@

# Peers are optional: without them the benchmark says so and measures the rest.
$(VENV_BENCH)/.bench: pyproject.toml | $(VENV_BENCH)/bin/python
	$(VENV_BENCH)/bin/python -m pip install --quiet --editable .
	-$(VENV_BENCH)/bin/python -m pip install --quiet --group bench-ignite
	-$(VENV_BENCH)/bin/python -m pip install --quiet --group bench-log
	-$(VENV_BENCH)/bin/python -m pip install --quiet --group bench-tensorflow
	touch $@

$(VENV)/bin/python $(VENV_BENCH)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "monitored-session needs Python 3.11 or newer, but '$(PYTHON)' is" \
	    "$$($(PYTHON) --version 2>&1 || true)." \
	    "Name a newer one: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "'$(PYTHON)' cannot make virtual environments:" \
	    "install its venv package (Debian, Ubuntu: python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(patsubst %/bin/python,%,$@)
	$@ -m pip install --quiet --upgrade pip
