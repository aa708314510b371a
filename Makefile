# `make` lists the targets. Each sets up what it needs: a fresh machine needs
# Python 3.10 or newer and Node.js 20.19 or newer, nothing else.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
NPM := npm --prefix frontend
DEMO ?= echo_audio
TESTS ?= tests
PACKAGES_INSTALLED := $(VENV)/.installed
NODE_PACKAGES := frontend/node_modules/.package-lock.json

# A virtual environment is made with the first of these that can make one.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 \
	python3.10 python; do \
	if $$python -c 'import sys, venv, ensurepip; \
sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; \
	then echo $$python; break; fi; done)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)

# ---- set-up -----------------------------------------------------------------

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.10 or newer with venv is needed:" \
		"install it (Debian: apt-get install python3-venv)" >&2; exit 1; fi
	$(PYTHON) -m venv $(VENV)

$(PACKAGES_INSTALLED): pyproject.toml hatch_build.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

$(NODE_PACKAGES): frontend/package.json frontend/package-lock.json
	$(NPM) ci --no-audit --no-fund
	@touch $@

# Quick when nothing changed, so it has no stamp that could be wrong.
.PHONY: shipped
shipped: $(PACKAGES_INSTALLED)
	@$(BIN)/python -m build_tools.shipped

.PHONY: install
install: shipped ## set everything up in .venv

.PHONY: browser
browser: $(PACKAGES_INSTALLED) ## find a Chromium, or install one
	@$(BIN)/python -m build_tools.browser

# ---- use --------------------------------------------------------------------

.PHONY: demo
demo: install ## run the demo named by DEMO=echo_audio
	$(BIN)/python demo/$(DEMO)/app.py

.PHONY: dev
dev: install $(NODE_PACKAGES) ## the demo, restarted and rebuilt at each change
	@$(NPM) run dev & frontend=$$!; \
	trap 'kill $$frontend 2>/dev/null || true' EXIT; \
	$(BIN)/watchfiles --filter python '$(BIN)/python demo/$(DEMO)/app.py' \
		backend demo/$(DEMO)

.PHONY: bench
bench: install ## measure latency and cost
	$(BIN)/python -m benchmarks

# ---- check ------------------------------------------------------------------

.PHONY: lint-python
lint-python: $(PACKAGES_INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@# Gradio writes these when it imports a component; they would hide its types.
	@rm -f backend/fastrtc/ui/*.pyi
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-cache

.PHONY: lint-frontend
lint-frontend: $(NODE_PACKAGES)
	$(NPM) run lint
	$(NPM) run check

.PHONY: lint
lint: lint-python lint-frontend docs ## every check that runs nothing

.PHONY: docs
docs: $(PACKAGES_INSTALLED) ## check the documentation
	$(BIN)/python -m build_tools.check_docs

.PHONY: test-frontend
test-frontend: shipped $(NODE_PACKAGES)
	$(NPM) test
	node frontend/check-bundle.mjs

.PHONY: pytest
pytest: shipped browser ## Python's tests only; TESTS=tests/unit for a part
	$(BIN)/python -m pytest $(TESTS)

# pytest comes last, so that its summary is what one sees.
.PHONY: test
test: ## everything: lint, front end, unit to browser tests, the wheel
	@$(MAKE) lint
	@$(MAKE) test-frontend
	@$(MAKE) pytest

# ---- tidy up ----------------------------------------------------------------

.PHONY: clean
clean: ## remove what was built and cached; .venv and node_modules stay
	rm -rf dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf backend/fastrtc/ui/templates backend/fastrtc/static/fastrtc.js*
	rm -rf backend/fastrtc/pause_detection/weights backend/fastrtc/end_of_turn/weights
	rm -rf frontend/coverage
	find backend tests demo benchmarks build_tools -name __pycache__ \
		-prune -exec rm -rf {} + 2>/dev/null || true

.PHONY: distclean
distclean: clean ## remove .venv and node_modules as well
	rm -rf $(VENV) .bench frontend/node_modules
