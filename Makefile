# Every promise of the project in one place; needs python3 (3.11 or newer), make and a shell.
.PHONY: up test check format bench lock clean
SHELL := /bin/sh
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -gt 4 ] && echo 4 || echo $$n)
ARGS ?=

up: .venv/runtime  ## a running cluster: `make up ARGS="--nodes 3"`
	.venv/bin/sampan up $(ARGS)

test: check clients  ## everything: checks, then all tests
	PATH="$(CURDIR)/.test-tools/bin:$(CURDIR)/.venv/bin:$$PATH" .venv/bin/pytest -q -r fEsX -n $(WORKERS) --dist loadgroup $(ARGS)

check: .venv/dev  ## format, lint, types, import contracts, dead links
	.venv/bin/ruff format --check -q .
	.venv/bin/ruff check -q .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python tools/links.py

format: .venv/dev
	.venv/bin/ruff format -q .
	.venv/bin/ruff check -q --fix .

bench: .venv/dev clients  ## every benchmark, one table
	PATH="$(CURDIR)/.test-tools/bin:$$PATH" .venv/bin/python -m bench $(ARGS)

lock: .venv/dev  ## pin requirements anew, with hashes and no addresses
	for f in requirements-build requirements requirements-dev; do \
	  .venv/bin/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	    --no-header --strip-extras --allow-unsafe -o $$f.txt $$f.in; done

clean:
	rm -rf .venv .test-tools .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: .venv/runtime .venv/dev clients
.venv/runtime:
	@tools/venv.sh requirements.txt
.venv/dev:
	@tools/venv.sh requirements-dev.txt
clients: .venv/dev
	@tools/clients.sh .test-tools
