# Development commands: `make help` lists them.
# They need make and Python 3.11 or newer; everything else is installed into VENV from the lock files.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
PYTHON ?=
export VENV PYTHON
bin := $(VENV)/bin

# At least two test workers: many tests wait for other processes.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ $$n -ge 2 ] && echo $$n || echo 2)
# Arguments of pytest, for example: make test ARGS="tests/unit -k pkce"
ARGS ?=
# Unit and contract tests that start services, a nats-server or a browser; test-fast leaves them out.
PROCESS_TESTS := $(shell grep -rlE "nats_server|NatsServer|guarded|subprocess|Popen|Stack\b" tests/unit tests/contract --include="test_*.py")
# The first of these commands that is installed.
COMPOSE ?= $(shell for it in "docker compose" "podman compose" docker-compose podman-compose; do \
	$$it version >/dev/null 2>&1 && { echo "$$it"; exit; }; done)

.PHONY: help
help: ## List the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Run services, NATS, demo data and playground on this machine; Ctrl-C stops them
	@deploy/local/venv.sh run
	@LATCHKEY_STOP_WITH_PARENT=1 exec $(bin)/python -m deploy.local

.PHONY: test
test: test-venv ## Run all tests, with real services, NATS, PostgreSQL and Chromium
	@.ci/system-packages
	@$(bin)/python -m pytest -n $(WORKERS) --dist loadgroup --ignore=tests/bench $(ARGS)

# Unit and contract tests that start no services and no browser. The excluded files start processes.
.PHONY: test-fast
test-fast: test-venv ## Run the unit and contract tests that start no processes
	@$(bin)/python -m pytest -n $(WORKERS) -q tests/unit tests/contract \
		$(addprefix --ignore=,$(PROCESS_TESTS)) $(ARGS)

.PHONY: check
check: test-venv ## Check format, lint, types, import rules, contract and generated files
	@VENV=$(VENV) .ci/check

.PHONY: proto
proto: test-venv ## Generate libs/contract from protos/
	@protos/generate

.PHONY: words
words: test-venv ## Update the translation catalogs of libs/languages from pages and emails
	@$(bin)/python -m libs.languages.collect

.PHONY: bench
bench: test-venv ## Run the benchmarks
	@$(bin)/python -m pytest tests/bench -n 0 -s $(ARGS)

.PHONY: format
format: test-venv ## Format the code and fix lint errors
	@$(bin)/ruff format .
	@$(bin)/ruff check --fix .

.PHONY: up
up: composer ## Build the images and start the containers in the background
	@$(COMPOSE) up --build --detach

.PHONY: down
down: composer ## Stop the containers; volumes stay
	@$(COMPOSE) down

.PHONY: k8s-check
k8s-check: test-venv ## Build the Kubernetes manifests and validate them
	@deploy/kubernetes/check

.PHONY: docs
docs: test-venv ## Generate the generated pages of docs/
	@$(bin)/python docs/generate

.PHONY: docs-site
docs-site: test-venv ## Build the documentation site into build/site
	@$(bin)/python -m docs.generate.site

.PHONY: migration
migration: test-venv ## Draft a schema migration: make migration SERVICE=token MESSAGE="what changes"
	@$(bin)/python -m libs.servicekit.sql.schema_history "$(SERVICE)" "$(MESSAGE)"

.PHONY: lock
lock: ## Update the three lock files (needs a package index)
	@.ci/lock

.PHONY: clean
clean: ## Remove environment and caches; the data of `make run` in LATCHKEY_HOME stays
	@rm -rf $(VENV) build .cache *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: composer
composer:
	@[ -n "$(COMPOSE)" ] || { echo "neither docker compose nor podman compose is installed: install one, or set COMPOSE=" >&2; exit 1; }

.PHONY: test-venv
test-venv:
	@deploy/local/venv.sh test
