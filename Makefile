# The verbs of this project. Everything is made inside it: a virtual environment in .venv, nothing in the system.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test unit fuzz torture bench lint format docs clean

# What is compiled is kept, whatever the environment says: else each process of the tests compiles all modules anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEVELOPED := $(VENV)/.developed
PYTHON_FILES := plugin tests bench
PYTEST_ARGS ?=
FUZZ_COUNT ?= 2000000
FUZZ_SEED ?= 1
FUZZ_REPLAY ?=
TORTURE_KILLS ?= 100
TORTURE_HISTORIES ?= 400

help:
	@echo 'make run     install, start the built-in meter and the plugin on it, show line protocol until Ctrl-C'
	@echo 'make test    install, check the style and the types, run all tests, also against Telegraf and InfluxDB'
	@echo 'make fuzz    two million mutated frames into everything that eats frames; FUZZ_COUNT=50000 for fewer'
	@echo 'make torture a hundred kills while profiles of 60 days are read, and hundreds of histories of meters; half an hour'
	@echo 'make bench   how fast it is, beside others, into bench/RESULTS.md; BENCH_METERS=10000 BENCH_SECONDS=600 for a fleet'
	@echo 'make unit    the unit tests alone: half a minute'
	@echo 'make lint    check the style and the types only'
	@echo 'make format  put the code into its style'
	@echo 'make docs    make docs/metrics.md of the class table'
	@echo 'make clean   remove what was made here (the cache of Telegraf and InfluxDB stays)'

run: $(INSTALLED)
	@bash examples/run.sh $(BIN)/telegraf-dlms

# The tests need no network: what they need is fetched here, once.
test: lint
	@$(BIN)/python tests/real/fetch.py
	$(BIN)/pytest $(PYTEST_ARGS)

fuzz: $(DEVELOPED)
	@cd tests && ../$(BIN)/python -m fuzz --count $(FUZZ_COUNT) --seed $(FUZZ_SEED) $(addprefix --replay ,$(FUZZ_REPLAY))

torture: $(DEVELOPED)
	TELEGRAF_DLMS_TORTURE=$(TORTURE_KILLS) TELEGRAF_DLMS_HISTORIES=$(TORTURE_HISTORIES) \
	  $(BIN)/pytest $(PYTEST_ARGS) tests/test_torture.py tests/test_new_rows_histories.py

bench: $(DEVELOPED)
	@$(BIN)/python -m bench

# What tells within half a minute whether a change broke something; CI runs all tests.
unit: $(DEVELOPED)
	$(BIN)/pytest -n auto --dist loadfile -m 'not real and not process and not fuzz' $(PYTEST_ARGS)

lint: $(DEVELOPED)
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/mypy

format: $(DEVELOPED)
	$(BIN)/ruff check --fix $(PYTHON_FILES)
	$(BIN)/ruff format $(PYTHON_FILES)

docs: $(DEVELOPED)
	$(BIN)/python -m telegraf_dlms.metrics_page docs/metrics.md

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache dist
	find $(PYTHON_FILES) -name __pycache__ -type d -prune -exec rm -rf {} +

# stdout belongs to the line protocol of `make run`, so these speak on stderr.
$(INSTALLED): pyproject.toml
	@echo 'installing into $(VENV), once' >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/pip install --quiet --editable . >&2
	@touch $@

# The build backend is here for the test that installs as the README says. pip learned of dependency groups in 25.1, and
# Python 3.11 brings an older one.
$(DEVELOPED): $(INSTALLED)
	@echo 'installing what the tests need into $(VENV), once' >&2
	@$(BIN)/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb")); \
	  print(*project["dependency-groups"]["dev"], *project["build-system"]["requires"], sep="\n")' > $@.txt
	@$(BIN)/pip install --quiet --requirement $@.txt >&2
	@touch $@
