# `make demo` and `make test` each set up all they need, in .venv, from the hash-locked requirements.
# Works with any GNU make from 3.81 on.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# The interpreter that environments are made with: `make setup PYTHON=python3.13` chooses another.
PYTHON ?=
# More arguments for the tool that a target runs: `make test ARGS="-k expiry"`.
ARGS ?=
# `make lock UPGRADE=1` takes the newest versions; otherwise a pin stays where it still fits.
UPGRADE ?=

VENV := .venv
VENV_DEMO := .venv-demo
VENV_BENCH := .venv-bench
VENV_MUTATION := .venv-mutation
VENV_RELEASE := .venv-release
VENV_LOCK := .venv-lock

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

# Makes the environment $1 unless a usable one is there. A bare Debian has a Python without the modules that make
# environments complete: root installs them; anybody else gets by with virtualenv or uv, or is told what to install.
define CREATE_ENVIRONMENT
set -euo pipefail
environment=$$1 wanted=$$2
suits() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
complete() { "$$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }
usable() { suits "$$environment/bin/python" && "$$environment/bin/python" -m pip --version >/dev/null 2>&1; }
is_debian_root() { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
stop() { printf 'awaitly: %s\n' "$$*" >&2; exit 1; }
find_python() {
    for candidate in python3.11 python3 python3.12 python3.13 python3.14; do
        if suits "$$candidate"; then echo "$$candidate"; return; fi
    done
}
apt_install() {
    echo "Installing $$* by apt-get ..."
    apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get install -qq -y --no-install-recommends "$$@" >/dev/null
}

if usable; then exit 0; fi
if [ -n "$$wanted" ]; then
    suits "$$wanted" || stop "PYTHON=$$wanted is not a Python of version 3.11 or newer."
    python=$$wanted
else
    python=$$(find_python)
    if [ -z "$$python" ] && is_debian_root; then
        apt_install python3 python3-venv || true
        python=$$(find_python)
    fi
    [ -n "$$python" ] || stop "no Python of version 3.11 or newer was found; install one, or name it: make setup PYTHON=/path/to/python3.11"
fi
version=$$("$$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if ! complete "$$python" && is_debian_root; then
    apt_install "python$$version-venv" || true
fi

echo "Creating $$environment with Python $$version ..."
rm -rf "$$environment"
if complete "$$python"; then
    "$$python" -m venv "$$environment"
elif "$$python" -m virtualenv --version >/dev/null 2>&1; then
    "$$python" -m virtualenv --quiet "$$environment"
elif command -v virtualenv >/dev/null; then
    virtualenv --quiet --python "$$python" "$$environment"
elif command -v uv >/dev/null; then
    uv venv --quiet --seed --python "$$python" "$$environment"
else
    stop "$$python has no ensurepip module, so it cannot make an environment; install the package python$$version-venv (Debian, Ubuntu), or virtualenv, or uv."
fi
usable || stop "$$environment was made, but its pip does not run; remove $$environment and try again."
endef
export CREATE_ENVIRONMENT

# Both stamps are files, so that nothing runs while the lock and pyproject.toml are unchanged: the first stands for the
# installed packages, the second for the editable project on top of them.
define INSTALL_LOCKED
@bash -c "$$CREATE_ENVIRONMENT" make $(1) '$(PYTHON)'
@echo "Installing $(2) into $(1) ..."
@$(1)/bin/python -m pip install -qq --require-hashes --no-deps -r $(2)
@touch $@
endef

define INSTALL_PROJECT
@$(1)/bin/python -m pip install -qq --no-deps --no-build-isolation -e .
@touch $@
endef

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: $(VENV)/.ready ## Make .venv: the locked packages and this project, editable
	@:

$(VENV)/.locked: requirements/dev.txt
	$(call INSTALL_LOCKED,$(VENV),requirements/dev.txt)

$(VENV)/.ready: $(VENV)/.locked pyproject.toml
	$(call INSTALL_PROJECT,$(VENV))

$(VENV_BENCH)/.locked: requirements/bench.txt
	$(call INSTALL_LOCKED,$(VENV_BENCH),requirements/bench.txt)

$(VENV_BENCH)/.ready: $(VENV_BENCH)/.locked pyproject.toml
	$(call INSTALL_PROJECT,$(VENV_BENCH))

$(VENV_MUTATION)/.locked: requirements/mutation.txt
	$(call INSTALL_LOCKED,$(VENV_MUTATION),requirements/mutation.txt)

$(VENV_MUTATION)/.ready: $(VENV_MUTATION)/.locked pyproject.toml
	$(call INSTALL_PROJECT,$(VENV_MUTATION))

$(VENV_RELEASE)/.locked: requirements/release.txt
	$(call INSTALL_LOCKED,$(VENV_RELEASE),requirements/release.txt)

$(VENV_DEMO)/.locked: requirements/demo.txt
	$(call INSTALL_LOCKED,$(VENV_DEMO),requirements/demo.txt)

$(VENV_DEMO)/.ready: $(VENV_DEMO)/.locked pyproject.toml
	$(call INSTALL_PROJECT,$(VENV_DEMO))

# All that the tests need takes minutes and more than a gigabyte: whoever only looks gets by with little.
DEMO := $(if $(wildcard $(VENV)/.ready),$(VENV),$(VENV_DEMO))

.PHONY: demo
demo: $(DEMO)/.ready ## Run the demo: a refund that waits for you
	@$(DEMO)/bin/awaitly demo $(ARGS)

# How many processes share the tests, each taking file after file; more than cores, as tests wait for servers and
# processes much of the time. JOBS=0: all in one.
JOBS ?= 4

# What is to be installed is installed before, not by several processes at once.
# pytest comes last: its closing line is the last thing a build server shows.
.PHONY: test
test: lint types docs ## Lint, check types, build the pages, run the tests
	@echo "Looking for the servers and tools that the tests use ..."
	-@$(VENV)/bin/python -m tests.services --install
	@$(VENV)/bin/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

.PHONY: lint
lint: setup ## Check style and format
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check . || { echo "Not formatted as agreed: run 'make format'." >&2; exit 1; }

.PHONY: format
format: setup ## Format, and mend what can be mended
	@$(VENV)/bin/ruff check --quiet --fix-only .
	@$(VENV)/bin/ruff format .

.PHONY: types
types: setup ## Check types with mypy and with pyright, both strict
	@$(VENV)/bin/mypy
	@$(VENV)/bin/pyright

# Every page is read anew: what is wrong on one that did not change would go unnoticed otherwise.
.PHONY: docs
docs: setup ## Build the pages into docs/_build/html; a warning is an error
	@$(VENV)/bin/python -m sphinx --quiet --fresh-env --nitpicky --fail-on-warning --keep-going docs docs/_build/html $(ARGS)

# A twentieth of the whole length by default: `make faults SHARE=1` is all of it.
SHARE ?= 0.05

.PHONY: faults
faults: setup ## Run the long fault runs: killed processes and servers, lost replies, races (SHARE=1: at full length)
	@AWAITLY_FAULTS=long AWAITLY_FAULTS_SHARE=$(SHARE) $(VENV)/bin/python -m pytest tests/adapters tests/stores \
	    tests/unit/test_policy_machine.py tests/faults -m "slow or not slow" $(ARGS)

# How many examples each entry gets: `make fuzz EXAMPLES=5000` takes hours.
EXAMPLES ?= 400

.PHONY: fuzz
fuzz: setup ## Give nasty texts to everything public that takes text (EXAMPLES=5000: for hours)
	@AWAITLY_FUZZ=long AWAITLY_FUZZ_EXAMPLES=$(EXAMPLES) $(VENV)/bin/python -m pytest tests/fuzz -n $(JOBS) --dist loadfile $(ARGS)

.PHONY: services
services: setup ## Print which servers and tools the tests use (ARGS=--install: get what is missing now)
	@$(VENV)/bin/python -m tests.services $(ARGS)

.PHONY: bench
bench: $(VENV_BENCH)/.ready ## Measure beside peers, in an environment of its own (ARGS=report: write the page from it)
	@$(VENV_BENCH)/bin/python -m benchmarks $(ARGS)

# What is changed is a copy in mutants/, which must be there before Python looks for its folders. What was judged once is
# not judged again until it changes, so a run that was broken off goes on where it was.
.PHONY: mutants
mutants: $(VENV_MUTATION)/.ready ## Change each rule in many ways, and list the changes that no test notices
	@mkdir -p mutants/adapters
	@PYTHONPATH=$(CURDIR)/mutants:$(CURDIR)/mutants/adapters $(VENV_MUTATION)/bin/mutmut run $(ARGS)
	@$(VENV_MUTATION)/bin/mutmut results

# The bill of materials lists what an application gets that uses every extra. The last step installs the wheel into clean
# environments of each Python that is here, and each extra alone, with the newest and with the oldest dependencies.
.PHONY: dist
dist: setup $(VENV_RELEASE)/.locked ## Build the distributions into dist/, check them, list what they bring
	@rm -rf dist build/everything
	@$(VENV)/bin/python -m hatchling build --directory dist
	@$(VENV_RELEASE)/bin/twine check --strict dist/*
	@$(VENV_RELEASE)/bin/check-wheel-contents dist/*.whl
	@$(VENV)/bin/uv venv --quiet --no-project --python $(VENV)/bin/python build/everything
	@$(VENV)/bin/uv pip install --quiet --no-config --python build/everything/bin/python \
	    -r pyproject.toml --all-extras
	@$(VENV_RELEASE)/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type library --short-PURLs \
	    --output-reproducible --validate -o "dist/$$(basename dist/*.tar.gz .tar.gz).cdx.json" build/everything/bin/python
	@$(VENV)/bin/python -m pytest tests/release -m "slow or not slow" $(ARGS)

# One lock for all supported Pythons and systems. It holds versions and hashes and no address, so that any mirror serves.
.PHONY: lock
lock: ## Resolve requirements/*.txt anew (UPGRADE=1: to the newest versions)
	@bash -c "$$CREATE_ENVIRONMENT" make $(VENV_LOCK) '$(PYTHON)'
	@$(VENV_LOCK)/bin/python -m pip install -qq 'uv>=0.11'
	@mkdir -p requirements
	@set -e; \
	lock() { \
	    $(VENV_LOCK)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
	        --output-file "$$@"; \
	}; \
	lock requirements/dev.txt pyproject.toml --all-extras --group dev; \
	lock requirements/demo.txt pyproject.toml --extra serve --group build --constraint requirements/dev.txt; \
	lock requirements/bench.txt pyproject.toml --group build --group bench; \
	lock requirements/mutation.txt pyproject.toml --all-extras --group build --group test --group mutation; \
	lock requirements/release.txt --group release
	@if grep -nE '://|^--|@ ' requirements/*.txt | grep -vE '^[^:]+:[0-9]+: +--hash='; then \
	    echo "The lock names an address; it must name none." >&2; exit 1; \
	fi

.PHONY: clean
clean: ## Remove the environments, caches and built files
	@rm -rf $(VENV) $(VENV_DEMO) $(VENV_BENCH) $(VENV_MUTATION) $(VENV_RELEASE) $(VENV_LOCK) build dist htmlcov mutants docs/_build \
	    .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache examples/react/node_modules examples/react/dist
	@find awaitly adapters tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
