# `make lab` tries the extension, `make test` checks it. Neither needs anything installed by hand
# but Python >= 3.10 and make; what they download stays in .venv, node_modules and user caches.

SHELL := /bin/bash

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
export PATH := $(CURDIR)/$(BIN):$(PATH)

# One stamp for each slow step, redone when one of its inputs is newer. Directories count
# as inputs, so that a deleted file is noticed too.
SOURCES := $(shell find src style schema \( -type d -o -type f ! -name '*.spec.ts*' \))
LABEXTENSION := jupyter_fastgen/labextension/package.json

# Extra arguments for `jupyter lab`, for example ARGS=--no-browser.
ARGS ?=
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup model lab wheel test lint test-python test-js test-wheel test-ui fuzz bench gpu-check format clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMPS)/python model ## Create the environment, build, install, fetch the model

lab: setup ## Open JupyterLab on a notebook with ghost text
	$(BIN)/jupyter lab $(ALLOW_ROOT) --LabApp.default_url=/lab/tree/examples/welcome.ipynb $(ARGS)

wheel: $(STAMPS)/python ## Build what `pip` installs, into dist
	scripts/build_wheel.sh dist

test: setup ## Run every check: lint, types, Python, TypeScript, wheel, browser
	@MAKE="$(MAKE)" scripts/run_checks.sh lint test-python test-js test-wheel test-ui

lint: $(STAMPS)/python $(STAMPS)/ui-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/jlpm lint:check

test-python: $(STAMPS)/python $(STAMPS)/hub
	$(BIN)/pytest

test-js: $(STAMPS)/node_modules
	$(BIN)/jlpm test

test-wheel: $(STAMPS)/python
	scripts/check_wheel.sh

test-ui: setup $(STAMPS)/ui-tests
	scripts/run_ui_tests.sh

# Ten minutes of it; the tests run it for seconds.
fuzz: $(STAMPS)/python ## Send nonsense over the websockets and to /v1/completions
	FASTGEN_FUZZ_SECONDS=600 FASTGEN_FUZZ_SEED=$${FASTGEN_FUZZ_SEED:-$$RANDOM} $(BIN)/pytest \
		tests/fuzz -o timeout=900

bench: setup $(STAMPS)/ui-tests ## Measure, and write docs/benchmarks.md
	CHROMIUM_PATH="$$(scripts/find_chromium.sh)" \
		$(BIN)/jupyter-fastgen bench report --out docs/benchmarks.md

# With the Python that has torch, and without `make setup`: such a machine may have no internet.
gpu-check: ## Check and measure the ExLlamaV2 engine on a CUDA GPU, into benchmarks/gpu
	$(or $(PYTHON),python3) scripts/gpu_check.py $(STEPS)

format: $(STAMPS)/python ## Rewrite the sources in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/jlpm lint

clean: ## Remove all that was built, the environment included
	rm -rf $(VENV) node_modules ui-tests/node_modules lib dist *.tsbuildinfo \
		jupyter_fastgen/labextension jupyter_fastgen/_version.py

# Returns at once when the model is there and whole.
model: $(STAMPS)/python
	@$(BIN)/jupyter-fastgen models pull

$(STAMPS)/tools: scripts/create_environment.sh scripts/ensure_node.sh
	scripts/create_environment.sh $(VENV)
	scripts/ensure_node.sh $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/node_modules: $(STAMPS)/tools package.json yarn.lock .yarnrc.yml
	$(BIN)/jlpm install --immutable
	@touch $@

$(LABEXTENSION): $(STAMPS)/node_modules tsconfig.json tsconfig.build.json $(SOURCES)
	$(BIN)/jlpm build:prod
	@touch $@

# The labextension is linked: a new build of it needs no new installation.
$(STAMPS)/python: pyproject.toml package.json install.json \
		$(wildcard jupyter-config/*/*) scripts/install_package.sh | $(LABEXTENSION)
	scripts/install_package.sh $(VENV)
	@touch $@

# A real JupyterHub for tests, of each supported major version, and its proxy.
$(STAMPS)/hub: scripts/hub_environments.sh $(STAMPS)/python
	scripts/hub_environments.sh $(VENV)
	@touch $@

$(STAMPS)/ui-tests: $(STAMPS)/tools ui-tests/package.json ui-tests/yarn.lock
	cd ui-tests && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 jlpm install --immutable
	@touch $@
