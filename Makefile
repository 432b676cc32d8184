# The commands of the README. Each sets up what it needs in .venv first.
SHELL := bash
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_TRACKING_URI ?= sqlite:///$(CURDIR)/mlflow.db
PIP_INSTALL := pip install --quiet --disable-pip-version-check

.PHONY: repro demo test test-slow check ui serve lock

repro: .venv/runs
	python -m pipeline.params
	dvc repro

# In a folder of its own, so that params.yaml, dvc.lock and reports/ stay as they are.
demo: .venv/runs
	@mkdir -p .demo/.dvc && rm -rf .demo/pipeline && cp -r pipeline dvc.yaml .dvcignore .demo/
	@cp recipes/demo.yaml .demo/params.yaml && printf '[core]\n    analytics = false\n    no_scm = true\n' > .demo/.dvc/config
	cd .demo && dvc repro
	@echo && awk '/^[|] models/ {print ""} /^[|]/' .demo/reports/README.md
	@printf '\nThe report: %s\nMLflow:     make ui, then open http://127.0.0.1:5000 and choose Model training\n' .demo/reports/index.html

test: .venv/develops
	ruff check .
	ruff format --check .
	mypy
	pytest -m "not slow"

# Kills, dying servers, PostgreSQL, DVC's experiments: real processes, minutes.
test-slow: .venv/develops
	pytest -m slow

check: .venv/runs
	python -m pipeline.gate

ui: .venv/runs
	@case "$(MLFLOW_TRACKING_URI)" in http*) echo "MLflow's UI is at $(MLFLOW_TRACKING_URI)" ;; *) \
		mlflow server --host 127.0.0.1 --port 5000 --workers 1 \
			--backend-store-uri "$(MLFLOW_TRACKING_URI)" --artifacts-destination "$(CURDIR)/mlartifacts" ;; esac

# The champion (`python -m pipeline.registry promote` makes one) on port 5001.
serve: .venv/runs
	@python -m pipeline.serve

# Pin anew what requirements*.txt bring along, in the newest versions that fit.
lock:
	test -d .venv || $(PYTHON) -m venv .venv
	$(PIP_INSTALL) uv==0.13.9
	set -o pipefail; grep -vh '^-' requirements.txt requirements-dev.txt | \
		uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate --no-header - -o constraints.txt

.venv/runs: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: $(PYTHON) is not Python 3.11 to 3.13: name one, as in make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "installing into .venv, once, a few minutes"
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) -r requirements.txt
	@touch $@

.venv/develops: .venv/runs requirements-dev.txt
	$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@
