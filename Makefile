# Two commands to begin with: "make demo" shows what imgtrans does, "make test" shows that it works.
PYTHON ?= python3
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test check docs soak clean

demo: $(VENV)/.installed
	$(VENV)/bin/imgtrans run examples/photos --files-from examples/landscapes.txt --model summer2winter
	@echo "The pictures are in examples/photos-summer2winter"

test: $(VENV)/.dev
	IMGTRANS_VENV=$(VENV) scripts/test

check: $(VENV)/.dev
	IMGTRANS_VENV=$(VENV) scripts/check

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imgtrans needs Python 3.11 or newer: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(PIP) -e ".[dev]"
	@touch $@

docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict
	@echo "The site is build/site/index.html"

soak: $(VENV)/.dev
	IMGTRANS_VENV=$(VENV) scripts/soak watch 5

clean:
	rm -rf $(VENV) build dist examples/photos-summer2winter
