# Two commands do everything: `make demo` and `make test`.
# They need Python 3.11 or newer with venv; `make test` also installs Debian's
# packages of the real registries and daemons that the tests run against.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   := build/demo
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# libatomic1 is what Playwright's own Node.js wants.
PARTS  := docker-registry docker.io podman skopeo busybox-static apache2-utils chromium-headless-shell \
          curl dbus gnome-keyring libatomic1 xz-utils bzip2

# The tests start hundreds of processes: what is compiled once is kept, whatever is set outside.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test lint benchmark wheel clean parts kernels

# With a terminal it stays until Ctrl-C; without one it runs the notebook to a page, and ends.
demo: $(VENV)/.demo
	$(BIN)/ghostnb demo --root $(DEMO) $(DEMO_OPTIONS)

test: $(VENV)/.dev parts kernels lint
	$(BIN)/pytest -n 3 --dist worksteal $(PYTEST_OPTIONS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmark: $(VENV)/.dev parts
	$(SUDO) apt-get install -y -qq --no-install-recommends wrk
	$(BIN)/pip install -q --group benchmark
	$(BIN)/python -m tests.benchmarks

wheel: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build -q

clean:
	rm -rf $(VENV) build dist

# What is there already is not asked for again: then no network is needed.
parts:
	@dpkg -s $(PARTS) >/dev/null 2>&1 || { $(SUDO) apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $(PARTS); }

# Another kernel that widgets are tested on; what it needs is in the environment.
kernels: $(VENV)/ipykernel-6.31/.done

$(VENV)/ipykernel-6.31/.done: $(VENV)/.pip
	$(BIN)/pip install -q --no-deps --upgrade --target $(@D) ipykernel==6.31.0
	@touch $@

$(VENV)/.pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.demo: $(VENV)/.pip pyproject.toml
	$(BIN)/pip install -q --group demo --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.pip pyproject.toml
	$(BIN)/pip install -q --group dev --editable '.[aws,azure,charts,fast,google,keyring,nested,parquet]'
	@touch $@
