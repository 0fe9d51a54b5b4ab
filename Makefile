# Everything here sets up what it needs in .venv; `make help` lists the commands.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: help install reproduce bench test proof check format docs clean
.DEFAULT_GOAL := help

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

install: $(VENV)/.lab ## Create .venv with the library, the laboratory and the command pellucid

reproduce: $(VENV)/.lab ## Rerun the reports and say which figures hold; ARGS="--full", "--quick", "--report C" ...
	@$(BIN)/pellucid reproduce $(ARGS)

bench: $(VENV)/.lab ## Time training in pellucid, PyTorch, JAX, scikit-learn, and the machine's limits; ARGS="--quick"
	@$(BIN)/python -m bench $(ARGS)

test: $(VENV)/.test ## Run all tests, and the examples in the documentation; ARGS="-k network"
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/pytest -n auto $(ARGS)

proof: $(VENV)/.test ## Test the claims in docs/proof.md at full size; ARGS="crash" for one proof
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m proof $(ARGS)

check: $(VENV)/.test ## Check lint rules, formatting and strict types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.test ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(VENV)/.lab ## Fill the tables, outputs and pictures of README.md and docs/ from recorded results
	$(BIN)/python -m tools.update_docs

clean: ## Remove the environment and all caches; results and data stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ": choose one with make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.lab: $(VENV)/.pip pyproject.toml tools/add_torch.py
	$(BIN)/python -m pip install --quiet --editable '.[lab,fast]'
	@$(BIN)/python tools/add_torch.py
	@touch $@

$(VENV)/.test: $(VENV)/.lab
	$(BIN)/python -m pip install --quiet --group test --group check
	@touch $@
