"""Writes a trial as a model into params.yaml: every other byte of the file, comments among them, stays."""

import io
import textwrap

import optuna
from optuna.trial import FrozenTrial
from ruamel.yaml import YAML

from pipeline.addons.sweep import trials
from pipeline.addons.sweep.plan import Plan, Raw
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.config.loading import PARAMS_FILE


def apply(plan: Plan, study: optuna.Study, number: int | None) -> str:
    """Write the best trial, or the one of a number, into params.yaml, and say so.

    Raise `InputError` where there is none, or where params.yaml has a model of that name.
    """
    trial, name = _chosen(plan, study, number), plan.training.model
    if name in plan.raw["models"]:
        raise InputError(f"{PARAMS_FILE} has models.{name} already: remove it there, or rename the sweep's file")
    wanted = plan.with_model(trials.values(plan.sweep, trial))
    written = with_model(PARAMS_FILE.read_text("utf-8"), name, wanted["models"][name])
    if files.parse_yaml(written, str(PARAMS_FILE)) != wanted:
        raise InputError(f"{PARAMS_FILE}: models is not laid out in blocks: write each key on a line of its own")
    files.write_text(PARAMS_FILE, written)
    score = f"{plan.sweep.objective} {trial.user_attrs['scores'][plan.sweep.objective]}"
    threads = trial.user_attrs["threads"]
    command = "dvc repro" if threads == processor.threads() else f"{processor.THREADS}={threads} dvc repro"
    return f"{PARAMS_FILE}: models.{name} is trial {trial.number} now ({score}): `{command}` trains it"


def with_model(content: str, name: str, made: Raw) -> str:
    """Return the text of a params file with one model more, the last of its models."""
    lines = content.rstrip("\n").split("\n")
    models = next(value for key, value in YAML().compose(content).value if key.value == "models")
    end = min(models.end_mark.line, len(lines))
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):  # of what follows
        end -= 1
    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = None, 10**6, False
    yaml.dump({name: made}, text)
    added = textwrap.indent(text.getvalue().rstrip("\n"), "  ")
    return "\n".join([*lines[:end], "", added, *lines[end:]]) + "\n"


def _chosen(plan: Plan, study: optuna.Study, number: int | None) -> FrozenTrial:
    complete = trials.ranked(study)
    if not complete:
        raise InputError(f"{plan.source}: no trial is complete: `python -m pipeline sweep {plan.source}` runs them")
    chosen = [trial for trial in complete if number in (None, trial.number)]
    if not chosen:
        raise InputError(f"--apply {number}: no complete trial has this number; the best is {complete[0].number}")
    return chosen[0]
