# `make demo`, `make test` and `make bench` are all the set-up there is: each makes the
# environment that it needs in .venv, from a bare Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-from-requirements

.PHONY: demo test bench crash lock format check tests clean

# Made again when what it is made from changes.
$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "dendro-local needs Python 3.11 or later; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

test: check tests

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/basedpyright --warnings
	$(BIN)/cog --check -P -r README.md docs/*.md

tests: $(STAMP)
	$(BIN)/python -m pytest -n 2

bench: $(STAMP)
	@$(BIN)/python -m tests.benchmarks

# Kills processes 200 times at random moments; the tests do so 20 times.
crash: $(STAMP)
	CRASH_KILLS=200 $(BIN)/python -m pytest -s tests/crash

# Rewrites what is generated: formatting and the parts of the docs that come from the code.
format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/cog -P -r README.md docs/*.md

# Locks every version with its hashes. No index addresses, so that any mirror serves.
lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --group dev \
		--output-file requirements.txt pyproject.toml

clean:
	rm -rf $(VENV) build dist .demo
