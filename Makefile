# Two commands are enough for a newcomer: make demo, make test.
# They need Python 3.11 or later and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
WHAT_IT_NEEDS := pyproject.toml constraints.txt

.PHONY: help demo test test-all lint bench docs clean
.DEFAULT_GOAL := help

help: ## Say what each command does.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.demo ## Install, then measure, calibrate, predict and report on this machine (about a minute).
	$(BIN)/nearlinear demo

test: $(VENV)/.dev lint ## Linters, type checks and tests.
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"

test-all: $(VENV)/.dev lint ## The same with soak, fuzz and large runs, and coverage.
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q -n auto --dist loadfile
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under 90

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	cd .typing && ../$(BIN)/lint-imports --config ../.importlinter --no-cache

bench: $(VENV)/.dev ## Speed as ratios, and accuracy on the bundled logs.
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/engines.py
	$(BIN)/python benchmarks/discipline.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/calibration.py
	$(BIN)/python benchmarks/sampling.py

docs: $(VENV)/.docs ## Build the documentation into docs/_build/html.
	$(BIN)/python docs/examples/01_firecaffe_tree_against_server.py docs/figures
	$(BIN)/python docs/examples/04_rules_of_synchronisation.py docs/figures
	$(BIN)/nearlinear validate data-parallel --group curves --brief --plot docs/figures/validation.svg
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

clean: ## Remove the environment and everything built.
	rm -rf $(VENV) build dist *.egg-info docs/_build .pytest_cache .mypy_cache .ruff_cache .coverage* nearlinear-demo

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: needs Python 3.11 or later; say make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "error: cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }
	@touch $@

# Without an MPI wheel for this platform the demo says so and shows the rest.
$(VENV)/.demo: $(VENV)/.python $(WHAT_IT_NEEDS)
	$(PIP) --editable '.[mpi-local]' || $(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.python $(WHAT_IT_NEEDS)
	$(PIP) --editable '.[mpi-local,fast,dev]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: $(VENV)/.dev
	$(PIP) --editable '.[docs]'
	@touch $@
