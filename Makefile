# Two commands matter: `make mirror SRC=… DST=…` mirrors a folder, `make test` checks everything.
# Both install what they need by themselves (.ci/setup.py).

PYTHON ?= python3
bin := .venv/bin
export SRC DST
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help mirror test lint type format torture bench bench-quick lock wheel wheel-files clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

mirror: ## mirror SRC to DST until Ctrl-C; without them, a sample folder to try things on
	@PYTHON='$(PYTHON)' exec .ci/mirror

test: ## everything that must hold: lint, types, the whole test suite
	@$(PYTHON) .ci/setup.py test
	@ok=0; \
	$(bin)/ruff check || ok=1; \
	$(bin)/ruff format --check || ok=1; \
	$(bin)/mypy --strict mirrorfs journal || ok=1; \
	$(bin)/python -m pytest -n 4 --dist worksteal || ok=1; \
	exit $$ok

lint: ## ruff, both as linter and as formatter
	@$(PYTHON) .ci/setup.py dev
	$(bin)/ruff check
	$(bin)/ruff format --check

type: ## mypy, strictly
	@$(PYTHON) .ci/setup.py dev
	$(bin)/mypy --strict mirrorfs journal

format: ## let ruff put the code in order
	@$(PYTHON) .ci/setup.py dev
	$(bin)/ruff check --fix
	$(bin)/ruff format

torture: ## random tests with many more examples, and the long ones (hours)
	@$(PYTHON) .ci/setup.py test
	$(bin)/python -m pytest -m "torture or hypothesis" --timeout 0 --hypothesis-profile torture

bench: ## measure mirrorfs beside its peers on this machine; FULL=1: the largest trees
	@$(PYTHON) .ci/setup.py bench
	@$(bin)/python -m benchmarks && $(bin)/python -m benchmarks.publish

bench-quick: ## the same on small trees, in two minutes
	@$(PYTHON) .ci/setup.py bench
	@$(bin)/python -m benchmarks --scale quick

lock: ## write requirements.lock anew: the newest versions, as the tests will use them
	@$(PYTHON) .ci/setup.py lock

wheel: ## build dist/mirrorfs-*.whl and the source distribution
	@$(PYTHON) .ci/setup.py dev
	$(bin)/python -m build --no-isolation

wheel-files: ## write the list of a wheel's files anew (tests/package/wheel-files.txt)
	@$(PYTHON) .ci/setup.py dev
	PYTHONPATH=tests $(bin)/python tests/package/test_wheel.py

clean: ## remove what was installed and built; the source stays as it is
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find mirrorfs journal tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
