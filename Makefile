# `make demo`, `make test` and `make bench` are all the set-up there is: each makes the
# environment that it needs in .venv, from a bare Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-from-requirements
APPS_STAMP := $(VENV)/.installed-for-test-apps

.PHONY: demo test test-apps bench crash graph lock vendor format check tests clean

# Made again when what it is made from changes.
$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "dendro-local needs Python 3.11 or later; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(APPS_STAMP): $(STAMP) requirements-apps.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-apps.txt
	@touch $@

demo: $(STAMP)
	@$(BIN)/python examples/demo.py

test: check tests

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	@set -e; for app in apps/*/; do echo "mypy $$app"; MYPYPATH=$$app $(BIN)/mypy $$app*.py; done
	$(BIN)/basedpyright --warnings
	$(BIN)/cog --check -P -r README.md docs/*.md

tests: $(STAMP)
	$(BIN)/python -m pytest -n 2 --ignore=tests/apps

# The apps for neuroscience, each in its own environment: some minutes, and some GB.
test-apps: $(APPS_STAMP)
	$(BIN)/python -m pytest -n 2 --timeout=1200 tests/apps

bench: $(STAMP)
	@$(BIN)/python -m tests.benchmarks

# Kills processes 200 times at random moments; the tests do so 20 times.
crash: $(STAMP)
	CRASH_KILLS=200 $(BIN)/python -m pytest -s tests/crash

# Runs 10,000 small jobs with random dependencies; the tests run 250.
graph: $(STAMP)
	GRAPH_JOBS=10000 $(BIN)/python -m pytest -s tests/graph

# Rewrites what is generated: formatting and the parts of the docs that come from the code.
format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/cog -P -r README.md docs/*.md

# Locks every version with its hashes. No index addresses, so that any mirror serves.
PEERS := tests/benchmarks/scripts/peers
REAL_CLIENT := tests/server/real_client

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --group dev \
		--output-file requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --group apps \
		--constraint requirements.txt --output-file requirements-apps.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header \
		--output-file $(PEERS)/requirements.txt $(PEERS)/requirements.in
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header \
		--output-file $(REAL_CLIENT)/requirements.txt $(REAL_CLIENT)/requirements.in

# Fetches again what the pages of the server take from elsewhere, by version and hash (with npm).
RAPIDOC := 9.3.8
RAPIDOC_SHA256 := b04086a71c2002169c43e5b0f25d7f694b20eee7a95ddc233b491cf9a54b3ef0
RAPIDOC_FOLDER := dendro_local/server/static/rapidoc

vendor:
	rm -rf build/vendor
	mkdir -p build/vendor $(RAPIDOC_FOLDER)
	cd build/vendor && npm pack --silent rapidoc@$(RAPIDOC)
	cd build/vendor && echo "$(RAPIDOC_SHA256)  rapidoc-$(RAPIDOC).tgz" | sha256sum --check --quiet
	tar -xzf build/vendor/rapidoc-$(RAPIDOC).tgz -C build/vendor
	cp build/vendor/package/dist/rapidoc-min.js build/vendor/package/LICENSE.txt $(RAPIDOC_FOLDER)
	cp build/vendor/package/dist/rapidoc-min.js.LICENSE.txt $(RAPIDOC_FOLDER)/LICENSES_OF_PARTS.txt
	echo "RapiDoc $(RAPIDOC), MIT. Fetched by make vendor." > $(RAPIDOC_FOLDER)/VERSION.txt
	rm -rf build/vendor

clean:
	rm -rf $(VENV) build dist .demo
