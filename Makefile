# `make demo`, `make test` and `make bench` are all the set-up there is: each makes the
# environment that it needs in .venv, from a bare Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-from-requirements
APPS_STAMP := $(VENV)/.installed-for-test-apps

# Python keeps what it compiles, whatever the shell says: tests start our commands all the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-apps bench crash headline graph screenshots lock vendor format check tests clean
.PHONY: mypy basedpyright

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
	$(BIN)/cog --check -P -r README.md docs/*.md
	@$(MAKE) --no-print-directory --jobs=2 mypy basedpyright

mypy: $(STAMP)
	$(BIN)/mypy
	@set -e; for app in apps/*/; do echo "mypy $$app"; MYPYPATH=$$app $(BIN)/mypy $$app*.py; done

basedpyright: $(STAMP)
	$(BIN)/basedpyright --warnings

# Three at once, on two cores: much of the time they wait for processes and for the disk.
tests: $(STAMP)
	$(BIN)/python -m pytest -n 3 --dist worksteal --ignore=tests/apps

# The apps for neuroscience, each in its own environment: some minutes, and some GB, which are
# only kept if a test fails.
test-apps: $(APPS_STAMP)
	$(BIN)/python -m pytest -n 2 --timeout=1200 -o tmp_path_retention_policy=failed tests/apps

bench: $(STAMP)
	@$(BIN)/python -m tests.benchmarks

# Kills processes at random moments: 200 times those who submit and run jobs, and 100 times those
# who push, pull and serve them, besides 20 who write to one bucket; the tests do so 20, 20 and 4
# times.
crash: $(STAMP)
	CRASH_KILLS=200 $(BIN)/python -m pytest -s tests/crash
	SYNC_KILLS=100 BUCKET_KILLS=20 $(BIN)/python -m pytest -s tests/sync/test_kills.py \
		tests/sync/bucket/test_pushers.py

# Has 10,000 jobs computed in one store hit in another, by each kind of remote, and refused where
# they were changed on the way; the tests do so with 300.
headline: $(STAMP)
	SYNC_JOBS=10000 $(BIN)/python -m pytest -s tests/sync/test_headline.py \
		tests/sync/test_tampering.py

# Runs 10,000 small jobs with random dependencies; the tests run 250.
graph: $(STAMP)
	GRAPH_JOBS=10000 $(BIN)/python -m pytest -s tests/graph

# Makes docs/images again, of a store that is made for it.
screenshots: $(STAMP)
	$(BIN)/python -m tests.screenshots

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

# Fetches again what the pages of the server and their tests take from elsewhere, by version and
# hash (with npm).
STATIC := dendro_local/server/static

# Folder, package, version, licence, SHA-256 of the package, and the files that are taken.
define VENDORED
$(STATIC)/rapidoc rapidoc 9.3.8 MIT b04086a71c2002169c43e5b0f25d7f694b20eee7a95ddc233b491cf9a54b3ef0 dist/rapidoc-min.js LICENSE.txt dist/rapidoc-min.js.LICENSE.txt
$(STATIC)/vendor/htmx htmx.org 2.0.11 0BSD 165a2655073e9e6e55e307a7c74e8ebcdb76afb7701f9c16cfd106a13add408e dist/htmx.min.js LICENSE
$(STATIC)/vendor/idiomorph idiomorph 0.8.0 0BSD c2b48584153f0167b5c98cb815576338ccd82a97378e53fbf29d139dfd67207e dist/idiomorph-ext.min.js LICENSE
$(STATIC)/vendor/uplot uplot 1.6.32 MIT 4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d dist/uPlot.iife.min.js dist/uPlot.min.css LICENSE
tests/server/pages/vendor/axe-core axe-core 4.14.1 MPL-2.0 e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745 axe.min.js LICENSE
endef
export VENDORED

vendor:
	rm -rf build/vendor
	@set -e; echo "$$VENDORED" | while read -r folder package version licence hash files; do \
		echo "$$package $$version"; \
		mkdir -p build/vendor/$$package $$folder; \
		(cd build/vendor/$$package && npm pack --silent $$package@$$version > /dev/null \
			&& echo "$$hash  $$package-$$version.tgz" | sha256sum --check --quiet \
			&& tar -xzf $$package-$$version.tgz); \
		for file in $$files; do cp build/vendor/$$package/package/$$file $$folder; done; \
		echo "$$package $$version, $$licence. Fetched by make vendor." > $$folder/VERSION.txt; \
	done
	rm -rf build/vendor

clean:
	rm -rf $(VENV) build dist .demo
