# Two commands do everything: `make demo` and `make test`. Both create the environment first, and are quick the second time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# The demo asks NCBI for 1,000 abstracts on this, in PubMed's own syntax; without network it uses the sample.
DEMO_QUERY ?= (statins OR sepsis OR migraine) AND hasabstract
DEMO_QUESTION ?= what helps newborns during a painful blood test
export DEMO_QUERY DEMO_QUESTION

.PHONY: setup demo check test bench faults wheel clean

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; $$($(PYTHON) --version) was found. Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing. On Debian and Ubuntu it is a package of its own: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

# `make demo` serves until Ctrl-C; `make demo ONCE=1` builds, asks one question on the command line and ends.
demo: setup
	@records="data/demo/$$(printf %s "$$DEMO_QUERY" | cksum | cut -d ' ' -f 1)"; \
	if $(BIN)/pubmed-index fetch --query "$$DEMO_QUERY" --out "$$records" --max 1000 --patience 5; then \
	  echo "The demo uses these abstracts, fetched from NCBI for: $$DEMO_QUERY"; set -- "$$records"; \
	else \
	  echo "The demo uses the sample that ships with the project: 150 real articles, with summaries as abstracts."; set -- --sample; \
	fi; \
	$(BIN)/pubmed-index build "$$@" --index data/index && \
	if [ -n "$(ONCE)" ]; then $(BIN)/pubmed-search "$$DEMO_QUESTION" --index data/index -k 3; \
	else exec $(BIN)/pubmed-ui --index data/index; fi

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

test: check

# Times questions on the index of `make demo`, or on INDEX=... where that is given.
INDEX ?= data/index
bench: setup
	$(BIN)/pubmed-index bench --index "$(INDEX)"

# Kills builds, updates and upkeep at moments of every stage, fills their disk, damages files and sets two writers on one
# index, while a reader asks; prints what came of each. Takes some minutes; `make test` does a little of it.
faults: setup
	@PYTHONPATH=tests $(BIN)/python -m faults

wheel: setup
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf $(VENV) dist build data/index data/demo
