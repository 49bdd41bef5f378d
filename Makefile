# Two commands: "make demo" shows what imgtrans does, "make test" shows that it works.
PYTHON ?= python3
VENV ?= .venv

.PHONY: demo test check clean

demo: $(VENV)/.installed
	$(VENV)/bin/imgtrans run examples/photos --model summer2winter
	@echo "The pictures are in examples/photos-summer2winter"

test: $(VENV)/.dev
	IMGTRANS_VENV=$(VENV) scripts/test

check: $(VENV)/.dev
	IMGTRANS_VENV=$(VENV) scripts/check

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) build dist examples/photos-summer2winter
