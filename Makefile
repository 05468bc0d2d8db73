# The road of a new user: `make demo`, `make test`. Each makes its own environment in .venv first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export PIP_NO_INPUT = 1
export DO_NOT_TRACK = 1

.PHONY: demo run view ui test lint install clean help

help:
	@echo 'make demo            the whole road on a small synthetic survey, in about 4 minutes'
	@echo 'make run FILE=x.sgy  the same road on your own SEG-Y, with the models of the demo'
	@echo 'make view            the volumes of the demo in a viewer, in your browser'
	@echo 'make ui              the Prefect UI, with the history of these runs'
	@echo 'make test            the tests, two files at a time'
	@echo 'make lint            formatting, typing and layers'

demo: $(VENV)/.installed
	$(BIN)/seisproc demo

run: $(VENV)/.installed
	$(BIN)/seisproc run $(FILE) --output $(or $(OUTPUT),$(basename $(notdir $(FILE))))

view: $(VENV)/.installed
	$(PIP) install --quiet -c constraints.txt -e '.[viewer]'
	$(BIN)/seisproc view $(or $(STORE),demo/survey.zarr)

ui: $(VENV)/.installed
	$(BIN)/seisproc ui

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy

install: $(VENV)/.installed

# torch's CPU build comes from its own index where PyPI would bring several GB of CUDA; see README.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet -c constraints.txt -e '.[dev]'
	touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) demo
