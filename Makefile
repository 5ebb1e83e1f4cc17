# Every command of the project. `make` alone lists them.
#
# A clone needs nothing but Python 3.11 or newer, make and a package index: the first command makes .venv and
# installs into it, later ones find it there. Another Python: make test PYTHON=/path/to/python3.12

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test compiled invariants sabotage bench docs lint format clean

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*##/make \1\t/p' Makefile

demo: .venv/installed  ## sync two WeCom enterprises from the emulator and show them
	@$(BIN)/jit --app sample_app demo

# As many processes as tests/conftest.py says; the tests share no port, no folder and no database. Coverage is judged
# once, by itself: pytest-cov would count it twice.
test: .venv/installed-dev .venv/mariadb  ## all that CI checks: lint, types, imports, tests, coverage
	@$(MAKE) --no-print-directory --jobs=2 lint compiled
	$(BIN)/pytest -n auto --dist worksteal --cov --cov-report= --cov-fail-under=0
	$(BIN)/coverage report

# The tests start hundreds of programs, each of which would compile our modules where Python is told to keep no byte
# code; and each process of pytest would rewrite the assertions of all test modules. What is wrong with a module, the
# tests say.
compiled: .venv/installed-dev
	@$(BIN)/python -m compileall -q jitcore plugins benchmarks
	@PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n0 --collect-only --quiet >/dev/null 2>&1 || true

invariants: .venv/installed-dev .venv/mariadb  ## every case of what a sync promises; writes the table of docs/safety.md
	$(BIN)/pytest -n auto --dist worksteal --invariants=all --safety-page=docs/safety.md \
		--deselect tests/invariants/test_safety_page.py tests/invariants tests/acceptance/test_safety.py tests/jit_corps \
		tests/jit_qywx

sabotage: .venv/installed-dev .venv/mariadb  ## switch off one protection after another; a test has to notice each
	$(BIN)/python -m tests.invariants.harness.sabotage

bench: .venv/installed-dev  ## the published figures, each as a ratio to a floor of the same run
	@$(BIN)/python -m benchmarks $(BENCH)

docs: .venv/installed-dev  ## build the pages of docs/ into site/, strictly: site/index.html
	$(BIN)/zensical build --strict --clean

# Cheap checks come first: what is wrong shows as early as it can.
lint: .venv/installed-dev  ## what is found without running the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

format: .venv/installed-dev  ## format, and mend what ruff can mend by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove .venv, caches and build results
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache htmlcov dist build site
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed: pyproject.toml | $(BIN)/pip
	@echo "Installing jitcore into .venv ..."
	@$(INSTALL) -e .
	@touch $@

.venv/installed-dev: pyproject.toml | $(BIN)/pip
	@echo "Installing jitcore and its development tools into .venv ..."
	@$(INSTALL) -e '.[dev]'
	@touch .venv/installed $@

# There is no wheel of this server; without it, its tests are skipped, or fail where CI is set.
.venv/mariadb: | $(BIN)/pip
	@.ci/fetch-mariadb $@

# pip is the last thing that venv installs: an interrupted run starts over. The check answers "ok" or one sentence,
# and silence stops us too: it must not be possible to lose it without noticing.
verdict = $(shell sh .ci/check-python '$(PYTHON)')
$(BIN)/pip:
	$(if $(filter ok,$(verdict)),,$(error $(or $(verdict),.ci/check-python did not run)))
	@'$(PYTHON)' -m venv --clear .venv
