# The one entrance: people, hooks and CI all come in here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export BENTOML_DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format serve lock bench docs site evidence clean

help: ## show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## make .venv with the locked packages and Keepwell itself

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Keepwell needs Python 3.11 or newer, found " + sys.version.split()[0] + "; say PYTHON=python3.11 make setup")'
	@echo "setting up $(VENV): about a minute the first time" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## a simulated company, from events to interventions, then served on http://127.0.0.1:3000
	@$(BIN)/keepwell --home var/demo demo $(ARGS)

test: setup ## the tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## lint, format, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## let ruff tidy the source
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

serve: setup ## serve the home in this directory
	@$(BIN)/keepwell serve

bench: setup ## short benchmarks, each beside its yardstick in one run
	@$(BIN)/python -m benchmarks.history --peers duckdb,polars,pandas --import-events 500000
	@$(BIN)/python -m benchmarks.permission_and_ledger
	@$(BIN)/python -m benchmarks.serving

docs: setup ## write the reference under docs/ from the code itself
	@$(BIN)/python -m serving.reference docs

site: setup ## the documentation as pages, in build/docs; reads without a network
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html -d build/docs-kept docs build/docs
	@echo "open build/docs/index.html"

evidence: setup ## the long forms: every law on many more examples, every benchmark at every size
	@KEEPWELL_REQUIRE_ALL=1 $(BIN)/python -m pytest --hypothesis-profile=evidence
	@$(BIN)/python -m benchmarks.dependencies
	@$(MAKE) --no-print-directory bench
	@$(BIN)/python -m benchmarks.history --events 10M --peers duckdb,polars --import-events 5000000 --part scan,kernel,build,late,peers,merge,publish,online,import,spark
	@$(BIN)/python -m benchmarks.quality
	@$(BIN)/python -m benchmarks.intervals
	@$(BIN)/python -m benchmarks.fairness
	@$(BIN)/python -m benchmarks.trials
	@$(BIN)/python -m benchmarks.holdout
	@$(BIN)/python -m benchmarks.training
	@$(BIN)/python -m benchmarks.batch --customers 1000000
	@$(BIN)/python -m benchmarks.soak --minutes 10
	@$(BIN)/python -m benchmarks.pages
	@$(BIN)/python -m benchmarks.history --events 100M --rounds 2 --part scan,kernel,build,growth

lock: ## compile requirements.in to requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate requirements.in -o requirements.lock

clean: ## remove what the demo made
	@rm -rf var/demo
