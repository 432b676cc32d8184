# The commands of the README. Each sets up what it needs in .venv first.
SHELL := bash
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
# uv leaves compiling to the first import, which must be allowed to keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE
export MLFLOW_TRACKING_URI ?= sqlite:///$(CURDIR)/mlflow.db
# Refuses a package whose hash is another than the lock's; also one that is only needed to build a package.
UV_INSTALL := uv pip install --quiet --python .venv --require-hashes -c requirements.lock -b requirements.lock
UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --no-annotate pyproject.toml
EXTRAS := backbones cluster export sweep team

# Every script of .venv holds its path: in a clone that was renamed, it is made anew. A link is somebody's own.
MOVED := $(shell [ -L .venv ] || [ ! -e .venv/bin/activate ] || \
	grep -qF "$(CURDIR)/.venv" .venv/bin/activate || echo moved)

.PHONY: help repro demo $(EXTRAS) test test-slow check ui serve lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s  %s\n", $$1, $$2}' Makefile

repro: .venv/runs ## check params.yaml, then run what it changed: dvc repro
	python -m pipeline params
	dvc repro

# In a folder of its own, so that params.yaml, dvc.lock and reports/ stay as they are; the store is the one up here.
demo: .venv/serve ## the whole pipeline on scikit-learn's digits, in .demo/
	@mkdir -p .demo/.dvc .demo/.dvc-site/repo && rm -rf .demo/pipeline && cp -r pipeline dvc.yaml .dvcignore .demo/ && cp -r .dvc/plots .demo/.dvc/
	@cp recipes/demo.yaml .demo/params.yaml && sed '/analytics/ a\    no_scm = true' .dvc/config > .demo/.dvc/config
	@[ -L .demo/mlflow.db ] || ln -sb ../mlflow.db .demo/mlflow.db
	cd .demo && dvc repro
	@cd .demo && python -c 'import numpy, PIL.Image; \
		PIL.Image.fromarray(numpy.load("data/prepared/test/images.npy")[0, ..., 0]).save("digit.png")'
	@awk '/^## / && !/Significant/ {exit} /^[*][*]/ {gsub(/[*][*]/, ""); print "\n" $$0 "\n"} /^[|] model/ && many++ {print ""} /^[|]/' .demo/reports/README.md
	@printf '\nThe report: .demo/reports/index.html\nMLflow:     make ui\n'
	@printf '%s\n' '' 'Use these models, all of them in .demo/:' '' \
		'source .venv/bin/activate && cd .demo' \
		'python -m pipeline predict digit.png --model vgg' \
		'python -m pipeline registry promote' \
		'python -m pipeline predict digit.png    # by the champion' \
		'python -m pipeline serve                # the champion, on http://127.0.0.1:5001'

$(EXTRAS): %: .venv/%

backbones: ## add pretrained networks, for photos: pipeline/addons/backbones/README.md

cluster: ## add Ray, for several cores or machines: pipeline/addons/ray/README.md

export: ## add what exporting to ONNX needs: pipeline/addons/export/README.md

sweep: ## add Optuna, for sweeps: pipeline/addons/sweep/README.md

team: ## add what MLflow's server for a team needs: docs/tracking.md

test: .venv/develops ## lint, types and the quick tests
	ruff check .
	ruff format --check .
	mypy
	pytest -m "not slow"

test-slow: .venv/develops ## kills, dying servers, PostgreSQL, DVC's experiments: real processes, minutes
	pytest -m slow

check: .venv/runs ## the gate: every metric within its limits in params.yaml
	python -m pipeline gate

ui: .venv/runs ## MLflow on http://127.0.0.1:5000; PORT=5055 takes another port
	@UI_PORT="$(or $(PORT),$(UI_PORT))" python -m pipeline ui

# `python -m pipeline registry promote` makes a champion.
serve: .venv/serve ## the champion on http://127.0.0.1:5001; PORT=8080 takes another port
	@python -m pipeline serve $(PORT)

lock: | .venv/bin/uv ## lock what pyproject.toml names, the rest as it was; UPGRADE=1 takes the newest that fits
	$(UV_COMPILE) --all-extras --group dev --generate-hashes --no-header $(if $(UPGRADE),--upgrade) -o requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV_COMPILE) --no-deps -o requirements.txt

moved:

# The project itself comes last, editable, for the command `pipeline`.
.venv/runs: pyproject.toml requirements.lock $(MOVED) | .venv/bin/uv
	@echo "installing into .venv, once, about a minute"
	$(UV_INSTALL) -r pyproject.toml
	uv pip install --quiet --python .venv --no-deps -e .
	@touch $@

$(EXTRAS:%=.venv/%): ADDED = -r pyproject.toml --extra $(@F)
.venv/serve: ADDED = --group serve
.venv/develops: ADDED = -r pyproject.toml --all-extras --group dev
$(EXTRAS:%=.venv/%) .venv/serve .venv/develops: .venv/runs
	$(UV_INSTALL) $(ADDED)
	@touch $@

# pip brings uv, held to the lock's hashes; uv brings the rest, several times as fast.
.venv/bin/uv: $(MOVED)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: $(PYTHON) is not Python 3.11 to 3.13: name one, as in make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(if $(MOVED),--clear) .venv
	pip install --quiet --disable-pip-version-check --require-hashes -r <(awk '/^uv==/,!/\\$$/' requirements.lock)
