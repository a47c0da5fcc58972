# make demo, make test: each sets itself up. Needs Python >= 3.11, make and a package index that pip can reach;
# for the tests of what a mini program runs, Node.js >= 18 and npm too.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: demo test check sdk bench lock clean

demo: $(VENV)/.runtime
	@$(BIN)/menshen demo $(ARGS)

test: $(VENV)/.dev check sdk
	@$(BIN)/pytest $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# The mini program's SDK: built, and its own tests. What else runs it in the tests needs it built.
SDK := sdk/miniprogram

ifneq ($(shell command -v npm),)
sdk: $(SDK)/miniprogram_dist/index.js
	@cd $(SDK) && npm test --silent
else
sdk:
	@echo "Node.js is not installed: the SDK is not built, and its tests are skipped." >&2
endif

$(SDK)/miniprogram_dist/index.js: $(SDK)/node_modules/.ready $(SDK)/build.js $(wildcard $(SDK)/src/*.ts $(SDK)/src/*/*.ts)
	@cd $(SDK) && npm run build --silent

$(SDK)/node_modules/.ready: $(SDK)/package.json $(SDK)/package-lock.json $(SDK)/tsconfig.json
	@cd $(SDK) && npm ci --silent --ignore-scripts
	@touch $@

bench: $(VENV)/.dev
	@$(BIN)/python -m bench $(ARGS)

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit("Menshen needs Python 3.11 or newer; set PYTHON=") if sys.version_info < (3, 11) else 0'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.venv requirements/runtime.txt requirements/build.txt pyproject.toml
	@echo "Setting up $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

COMPILE := uv pip compile --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header --no-annotate --quiet

lock:
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) --group build -o requirements/build.txt
	$(COMPILE) pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt

clean:
	rm -rf $(SDK)/node_modules $(SDK)/miniprogram_dist $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
