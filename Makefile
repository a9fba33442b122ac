# Everything that is done in this repository, one target each: `make` lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
BENCH  := .venv-bench
SPARK  := .venv-spark
STAMP  := $(VENV)/.installed

# Dozens of processes import Airflow; without cached bytecode each compiles it anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo airflow env shell test test-spark spark-env test-matrix fuzz lint docs screenshots bench mwaa \
	lock clean

help: ## Show what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything that is needed, pinned (the others do it by themselves)

# uv installs in seconds what pip installs in minutes. It is itself installed from the lock, by hash;
# where there is no uv for the machine, pip does the work.
$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11, 5) <= sys.version_info < (3, 14))' || { \
	  echo "Python 3.11.5 to 3.13 is needed; $(PYTHON) is: $$($(PYTHON) --version 2>&1)."; \
	  echo "Name another one: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment (Debian, Ubuntu: install python3-venv)."; \
	  exit 1; }
	@awk '/^[^ ]/ { uv = /^uv==/ } uv' requirements-dev.txt > $(VENV)/uv.txt
	@echo "Installing the pinned packages into $(VENV) ..."
	@if $(BIN)/python -m pip install -q --require-hashes -r $(VENV)/uv.txt && $(BIN)/uv --version; then \
	  export VIRTUAL_ENV=$(VENV) && \
	  $(BIN)/uv pip install -q --require-hashes -r requirements-dev.txt && \
	  $(BIN)/uv pip install -q --no-deps --no-build-isolation -e .; \
	else \
	  echo "uv cannot be installed here: pip does it, which takes some minutes."; \
	  $(BIN)/python -m pip install -q --require-hashes -r requirements-dev.txt && \
	  $(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .; \
	fi
	@echo "Compiling the kernels, once on this machine ..."
	@$(BIN)/python -m sessionize.kernels
	@touch $@

demo: setup ## Run the whole pipeline on this machine, with made-up events, and show what came of it
	@$(BIN)/python -m local.demo

airflow: setup ## Run Airflow on this machine with the demo's events, until Ctrl-C
	@$(BIN)/python -m local.airflow

env: ## Write .env, the secrets of docker-compose.yaml (LOCAL=1: with an S3 server on this machine)
	@LOCAL=$(LOCAL) $(PYTHON) -m local.dotenv

shell: setup ## Open a shell in which `airflow` is the one of `make airflow`
	@$(BIN)/python -m local.shell

test: setup ## Run the tests, a file at a time on each processor, but for the slowest
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow"

test-spark: $(SPARK)/.installed ## Run the tests of `bulk` on Spark on this machine (needs Java 17 or 21)
	SESSIONIZE_SPARK=required $(SPARK)/bin/python -m pytest tests/bulk/test_on_spark.py tests/bulk/test_spark.py tests/bulk/test_keys.py

# Its interpreter is a link to where executors have theirs: PREFIX, or where this machine has it.
spark-env: $(SPARK)/.installed ## Pack what `bulk` needs on a cluster into build/spark (PYTHON=…, PREFIX=/usr)
	@rm -rf build/spark && mkdir -p build/spark/wheel
	@$(BIN)/python -m hatchling build -t wheel -d build/spark/wheel > /dev/null
	@$(PYTHON) -m venv --without-pip build/spark/venv
	@echo "Installing the package into build/spark/venv ..."
	@VIRTUAL_ENV=build/spark/venv $(BIN)/uv pip install -q --link-mode copy -c requirements-spark.txt build/spark/wheel/*.whl
	@$(SPARK)/bin/python -m venv_pack -q -p build/spark/venv -o build/spark/environment.tar.gz \
	  $(if $(PREFIX),--python-prefix $(PREFIX))
	@cp sessionize/cli/bulk_job.py dags/pipelines/*.toml build/spark/
	@rm -r build/spark/wheel build/spark/venv
	@ls -sh1 build/spark

test-matrix: setup ## Run a small suite with each Python, MWAA's packages and Airflow 3.2 (ONLY=3.13)
	@$(BIN)/python -m local.matrix $(ONLY)

fuzz: setup ## Try damaged objects, odd settings and kills for some minutes (SECONDS=180, SEED=…)
	@SECONDS=$(SECONDS) SEED=$(SEED) CASE=$(CASE) $(BIN)/python -m tests.fuzz

lint: setup ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy sessionize local bench

docs: setup ## Write the tables of README.md and docs/ anew, after a change of the declared columns
	@$(BIN)/python -m local.docs

screenshots: setup ## Take the screenshots of the operator's page anew (needs Chromium)
	@$(BIN)/python -m local.screenshots

mwaa: setup ## Write what Amazon MWAA takes into build/mwaa (PIPELINES=…: a folder of pipeline files)
	@PIPELINES=$(PIPELINES) $(BIN)/python -m local.mwaa

bench: $(BENCH)/.installed ## Measure the job against DuckDB, Polars, PySpark and pandas (some half an hour)
	$(BENCH)/bin/python -m bench

# Environments of their own, with locks of their own: $(call installed,FOLDER,LOCK,WHAT).
define installed
@$(PYTHON) -m venv $(1)
@echo "Installing $(3) into $(1) ..."
@if $(BIN)/uv --version > /dev/null 2>&1; then \
  VIRTUAL_ENV=$(1) $(BIN)/uv pip install -q --require-hashes -r $(2); \
else \
  $(1)/bin/python -m pip install -q --require-hashes -r $(2); \
fi
@touch $(1)/.installed
endef

# The peers do not stand beside Airflow.
$(BENCH)/.installed: requirements-bench.txt | setup
	$(call installed,$(BENCH),$<,the peers)

# Spark stands beside what the tests need, not beside Airflow.
$(SPARK)/.installed: requirements-spark.txt | setup
	$(call installed,$(SPARK),$<,Spark)

COMPILE_ALONE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock"
COMPILE := $(COMPILE_ALONE) pyproject.toml

lock: setup ## Pin the dependencies anew, after a change of pyproject.toml (UPGRADE=--upgrade: to the latest)
	$(BIN)/$(COMPILE) --extra airflow $(UPGRADE) -o requirements.txt
	$(BIN)/$(COMPILE) --extra airflow --extra alerts $(UPGRADE) --group dev -c requirements.txt -o requirements-dev.txt
	$(BIN)/$(COMPILE) --extra airflow --extra alerts --extra celery $(UPGRADE) -c requirements-dev.txt -o requirements-image.txt
	$(BIN)/$(COMPILE_ALONE) $(UPGRADE) --group image -c requirements-dev.txt -o requirements-build.txt
	$(BIN)/$(COMPILE) $(UPGRADE) --extra spark --group dev -c requirements-dev.txt -o requirements-spark.txt
	$(BIN)/$(COMPILE) $(UPGRADE) --group bench -c requirements-dev.txt -o requirements-bench.txt

clean: ## Forget the demo, and remove caches (.venv stays)
	rm -rf .airflow .demo .fuzz .matrix build .hypothesis .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
