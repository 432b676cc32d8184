# The commands of the README. Each sets up what it needs in .venv first.
SHELL := bash
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
# uv leaves compiling to the first import, which must be allowed to keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE
export MLFLOW_TRACKING_URI ?= sqlite:///$(CURDIR)/mlflow.db
# Refuses a package whose hash is another than the lock's; also one that is only needed to build a package.
UV_INSTALL := uv pip install --quiet --python .venv --require-hashes --build-constraints requirements.lock
UV_LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header

# Every script of .venv holds its path: in a clone that was renamed, it is made anew. A link is somebody's own.
MOVED := $(shell [ -L .venv ] || [ ! -e .venv/bin/activate ] || \
	grep -qF "$(CURDIR)/.venv" .venv/bin/activate || echo moved)

.PHONY: help repro demo cluster export test test-slow check ui serve lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s  %s\n", $$1, $$2}' Makefile

repro: .venv/runs ## check params.yaml, then run what it changed: dvc repro
	python -m pipeline params
	dvc repro

# In a folder of its own, so that params.yaml, dvc.lock and reports/ stay as they are; the store is the one up here.
demo: .venv/runs ## the whole pipeline on scikit-learn's digits, in .demo/
	@mkdir -p .demo/.dvc .demo/.dvc-site/repo && rm -rf .demo/pipeline && cp -r pipeline dvc.yaml .dvcignore .demo/ && cp -r .dvc/plots .demo/.dvc/
	@cp recipes/demo.yaml .demo/params.yaml && sed '/analytics/ a\    no_scm = true' .dvc/config > .demo/.dvc/config
	@[ -L .demo/mlflow.db ] || ln -sb ../mlflow.db .demo/mlflow.db
	cd .demo && dvc repro
	@cd .demo && python -c 'import numpy, PIL.Image; \
		PIL.Image.fromarray(numpy.load("data/prepared/test/images.npy")[0, ..., 0]).save("digit.png")'
	@awk '/^## How far/ {exit} /^[*][*]/ {gsub(/[*][*]/, ""); print "\n" $$0 "\n"} /^[|] model/ && many++ {print ""} /^[|]/' .demo/reports/README.md
	@printf '\nThe report: .demo/reports/index.html\nMLflow:     make ui, then '
	@python -m pipeline tracking views | sed -n 's/^digits: //p'
	@printf '%s\n' '' 'Use these models, all of them in .demo/:' '' \
		'source .venv/bin/activate && cd .demo' \
		'python -m pipeline predict digit.png --model vgg' \
		'python -m pipeline registry promote' \
		'python -m pipeline predict digit.png    # by the champion' \
		'python -m pipeline serve                # the champion, on http://127.0.0.1:5001'

cluster: .venv/cluster ## add Ray, for several cores or machines: docs/cluster.md

export: .venv/export ## add what exporting to ONNX and OpenVINO needs: docs/export.md

test: .venv/develops ## lint, types and the quick tests
	ruff check .
	ruff format --check .
	mypy
	pytest -m "not slow"

test-slow: .venv/develops ## kills, dying servers, PostgreSQL, DVC's experiments: real processes, minutes
	pytest -m slow

check: .venv/runs ## the gate: every metric against its floor in params.yaml
	python -m pipeline gate

ui: .venv/runs ## MLflow on http://127.0.0.1:5000; PORT=5055 takes another port
	@UI_PORT="$(or $(PORT),$(UI_PORT))" python -m pipeline ui

# `python -m pipeline registry promote` makes a champion.
serve: .venv/runs ## the champion on http://127.0.0.1:5001; PORT=8080 takes another port
	@python -m pipeline serve $(PORT)

# The others are made from the first, so that all have the same versions.
lock: | .venv/bin/uv ## pin anew all that requirements*.txt bring along, in the newest versions that fit
	$(UV_LOCK) --upgrade requirements-dev.txt -o requirements-dev.lock
	for name in requirements requirements-cluster requirements-export requirements-serve requirements-team; do \
		$(UV_LOCK) --constraints requirements-dev.lock $$name.txt -o $$name.lock || exit; done

moved:

.venv/runs: requirements.lock $(MOVED) | .venv/bin/uv
	@echo "installing into .venv, once, about a minute"
	$(UV_INSTALL) -r requirements.lock
	@touch $@

.venv/cluster .venv/export: .venv/%: requirements-%.lock .venv/runs
	$(UV_INSTALL) -r $<
	@touch $@

.venv/develops: requirements-dev.lock .venv/runs
	$(UV_INSTALL) -r requirements-dev.lock
	@touch $@

# pip brings uv, held to the lock's hashes; uv brings the rest, several times as fast.
.venv/bin/uv: $(MOVED)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: $(PYTHON) is not Python 3.11 to 3.13: name one, as in make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(if $(MOVED),--clear) .venv
	pip install --quiet --disable-pip-version-check --require-hashes -r <(awk '/^uv==/,!/\\$$/' requirements.lock)
