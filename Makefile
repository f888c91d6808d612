# Everything that is done with this repository starts here: `make help` lists it.
# Needs make and Python 3.11 or newer; the rest is installed into VENV from the lock files.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
PYTHON ?=
export VENV PYTHON
bin := $(VENV)/bin

# Two workers at least: a good part of the tests waits for other processes.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -ge 2 ] && echo $$n || echo 2)
# What pytest is given: make test ARGS="tests/unit -k pkce"
ARGS ?=
# Whatever composes containers here.
COMPOSE ?= $(shell for it in "docker compose" "podman compose" docker-compose podman-compose; do \
	$$it version >/dev/null 2>&1 && { echo "$$it"; exit; }; done)

.PHONY: help
help: ## Say what there is
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run everything on this machine: services, NATS, demo data, playground (Ctrl-C stops it)
	@deploy/local/venv.sh run
	@LATCHKEY_STOP_WITH_PARENT=1 exec $(bin)/python -m deploy.local

.PHONY: test
test: test-venv ## Run all tests against real services, NATS, PostgreSQL and Chromium
	@.ci/system-packages
	@$(bin)/python -m pytest -n $(WORKERS) --dist loadgroup --ignore=tests/bench $(ARGS)

.PHONY: check
check: test-venv ## Format, lint, types, import rules, contract
	@VENV=$(VENV) .ci/check

.PHONY: proto
proto: test-venv ## Write libs/contract from protos/
	@protos/generate

.PHONY: words
words: test-venv ## Bring the catalogs of libs/languages up to date with what pages and letters say
	@$(bin)/python -m libs.languages.collect

.PHONY: bench
bench: test-venv ## Measure the hot paths
	@$(bin)/python -m pytest tests/bench -n 0 -s $(ARGS)

.PHONY: format
format: test-venv ## Format the code and mend what can be mended
	@$(bin)/ruff format .
	@$(bin)/ruff check --fix .

.PHONY: up
up: composer ## Build the images and run the composed stack in the background
	@$(COMPOSE) up --build --detach

.PHONY: down
down: composer ## Stop the composed stack; its volumes stay
	@$(COMPOSE) down

.PHONY: k8s-check
k8s-check: test-venv ## Build the Kubernetes manifests and hold them against the schemas
	@deploy/kubernetes/check

.PHONY: docs
docs: test-venv ## Write the generated pages of docs/
	@$(bin)/python docs/generate

.PHONY: migration
migration: test-venv ## Draft a schema migration: make migration SERVICE=token MESSAGE="what changes"
	@$(bin)/python -m libs.servicekit.sql.schema_history "$(SERVICE)" "$(MESSAGE)"

.PHONY: lock
lock: ## Resolve the three lock files again (needs a package index)
	@.ci/lock

.PHONY: clean
clean: ## Remove what was made: environment, caches; the state of `make run` stays in LATCHKEY_HOME
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: composer
composer:
	@[ -n "$(COMPOSE)" ] || { echo "neither docker compose nor podman compose is here: install one, or name it with COMPOSE=" >&2; exit 1; }

.PHONY: test-venv
test-venv:
	@deploy/local/venv.sh test
