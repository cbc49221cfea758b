# make run          a working chat on this machine, with nothing else installed (PORT=8410 for that port)
# make test         everything that is checked: style, types, tests against the real parts
# make bench        the benchmark
# make faults       everything breaks, by a plan that a seed draws (MINUTES=60 SEED=harbour for those)
# make lint         style and types alone
# make widget       what Chip serves of its widget, anew from the sources
# make pictures     the README's picture anew, light and dark
# make site         the documentation as a site, in build/site
# make links        whether what its pages link to is there
# make spec         docs/spec/schemas.json anew, from the types of the protocol
# make dist         what is published: the distributions, and the list of what they need
# make deb          the Debian package, for the release that this machine has, into dist/
# make test-debian  the container's image and the Debian package, made and used on a fresh Debian
#                   (DEBIAN=bookworm for that release)
# make lock         the newest releases of what Chip and its tests need, into requirements/
# make test-newest  whether the newest releases that setup.cfg allows still have the private parts
#                   that Chip touches

VENV = .venv
BIN = $(VENV)/bin
NEWEST = .venv-newest
PIP = -m pip install --disable-pip-version-check
# Tests mostly wait, for processes to start or for time-outs to pass: two more than the usual cores.
WORKERS = 4
DEBIAN = trixie
# In their order, since those of whole processes come first then: by default xdist leaves those files for
# the end that have few tests, which are the longest.
PYTEST = -m pytest --numprocesses=$(WORKERS) --dist=loadscope --no-loadscope-reorder
PACKAGE = setup.cfg pyproject.toml
# What is looked at besides the package: whichever of these exist.
SOURCES = $(wildcard chip twisted tests bench conformance docs faults tools)

# Chip is started some hundred times by the tests: half of a start is compiling, unless that is kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-newest bench faults lint widget pictures site links spec dist version-is deb test-debian lock \
	packages clean
.SILENT:
# A half-made virtual environment is none.
.DELETE_ON_ERROR:

# Ctrl-C, which exits with 130, is how it is meant to end.
run: $(VENV)/installed
	trap : INT; $(BIN)/twistd -n --pidfile= chip $(if $(PORT),--port='$(PORT)') || test $$? = 130 && \
		echo "Chip has stopped. Goodbye."

test: packages lint $(VENV)/node-modules
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python $(PYTEST)

test-newest: packages
	tools/make-venv $(NEWEST)
	tools/step "Installing the newest releases that setup.cfg allows" \
		$(NEWEST)/bin/python $(PIP) --editable ".[test]"
	PATH="$(CURDIR)/$(NEWEST)/bin:$$PATH" $(NEWEST)/bin/python $(PYTEST) -m private_parts

bench: packages $(VENV)/installed-for-tests
	$(BIN)/python -m bench

faults: packages $(VENV)/installed-for-tests
	$(BIN)/python -m faults $(if $(MINUTES),--minutes='$(MINUTES)') $(if $(SEED),--seed='$(SEED)') \
		$(if $(EMBEDDED),--embedded)

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

widget: $(VENV)/node-modules
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/step "Building the widget" node tools/build-widget.mjs

site: $(VENV)/installed-for-tests
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs build/site
	echo "The site is in build/site/index.html"

links: $(VENV)/installed-for-tests
	$(BIN)/python -m sphinx -b linkcheck --quiet docs build/links

dist: $(VENV)/installed-for-tests
	rm -rf dist/*.whl dist/*.tar.gz dist/conformance
	tools/step "Building Chip" $(BIN)/python -m build --installer uv --outdir dist .
	tools/step "Building the conformance kit" $(BIN)/python -m build --installer uv --outdir dist/conformance \
		conformance
	$(BIN)/python -m twine check --strict dist/*.whl dist/*.tar.gz dist/conformance/*
	tools/step "Listing what Chip needs" $(BIN)/uv tool run --from cyclonedx-bom==7.5.0 \
		cyclonedx-py requirements --output-reproducible --output-file dist/chip-webchat.cdx.json \
		requirements/run.txt

# Whether the code has the version that a release is to have (VERSION=1.2.3).
version-is: $(VENV)/installed
	$(BIN)/python -c 'import chip, sys; sys.exit(chip.__version__ != "$(VERSION)" and f"this is {chip.__version__}")'

pictures: packages $(VENV)/installed-for-tests
	$(BIN)/python -m tests.browser.pictures docs/images

spec: $(VENV)/installed
	$(BIN)/python -m tools.schemas

deb:
	tools/build-deb dist

test-debian: packages $(VENV)/installed-for-tests
	command -v debootstrap >/dev/null || { echo "Please install debootstrap, first." >&2; exit 1; }
	CHIP_TEST_DEBIAN=$(DEBIAN) $(BIN)/python -m pytest tests/deploy/test_on_debian.py

lock: $(BIN)/python
	tools/step "Resolving what setup.cfg names" tools/lock $(BIN)/python

packages:
	tools/test-packages

clean:
	rm -rf $(VENV) $(NEWEST) build dist *.egg-info conformance/build conformance/*.egg-info \
		tests/widget/node_modules

$(BIN)/python:
	tools/make-venv $(VENV)

$(VENV)/installed: requirements/run.txt $(PACKAGE) | $(BIN)/python
	tools/step "Installing what Chip needs" $(BIN)/python $(PIP) --requirement $<
	tools/step "Installing Chip" $(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/installed-for-tests: requirements/test.txt $(VENV)/installed
	tools/step "Installing what the tests need" $(BIN)/python $(PIP) --requirement $<
	touch $@

# The widget is built by esbuild, and its types are checked by the TypeScript compiler. Where the machine has no Node.js,
# the Python package of it will do.
$(VENV)/node-modules: tests/widget/package-lock.json requirements/node.txt $(VENV)/installed-for-tests
	command -v npm >/dev/null || \
		tools/step "Installing Node.js" $(BIN)/python $(PIP) --requirement requirements/node.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/step "Installing what the widget's tests need" \
		npm ci --prefix tests/widget --no-audit --no-fund
	touch $@
