"""Writes a trial as a model into params.yaml: every other byte of the file, comments among them, stays."""

import io
import textwrap

import optuna
from optuna.trial import FrozenTrial
from ruamel.yaml import YAML

from pipeline.addons.sweep import trials
from pipeline.addons.sweep.plan import Plan, Raw
from pipeline.addons.sweep.trials import COMPLETE
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
    made = wanted["models"][name]
    written = with_model(PARAMS_FILE.read_text("utf-8"), name, made)
    if files.parse_yaml(written, str(PARAMS_FILE)) != wanted:
        remedy = f"add this under models yourself:\n{_text(name, made)}"
        raise InputError(f"{PARAMS_FILE} is laid out in a way of its own: {remedy}")
    files.write_text(PARAMS_FILE, written)
    scores = ", ".join(f"{key} {trial.user_attrs['scores'][key]}" for key in plan.sweep.objectives)
    threads = trial.user_attrs["threads"]
    command = "dvc repro" if threads == processor.threads() else f"{processor.THREADS}={threads} dvc repro"
    return f"{PARAMS_FILE}: models.{name} is trial {trial.number} now ({scores}): `{command}` trains it"


def with_model(content: str, name: str, made: Raw) -> str:
    """Return the text of a params file with one model more, the last of its models."""
    lines = content.rstrip("\n").split("\n")
    models = next(value for key, value in YAML().compose(content).value if key.value == "models")
    end = min(models.end_mark.line, len(lines))
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):  # of what follows
        end -= 1
    return "\n".join([*lines[:end], "", _text(name, made), *lines[end:]]) + "\n"


def _text(name: str, made: Raw) -> str:
    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = None, 10**6, False
    yaml.dump({name: made}, text)
    return textwrap.indent(text.getvalue().rstrip("\n"), "  ")


def _chosen(plan: Plan, study: optuna.Study, number: int | None) -> FrozenTrial:
    complete = {trial.number: trial for trial in study.get_trials(states=(COMPLETE,))}
    best = [trial.number for trial in trials.best(study)]
    if not complete:
        raise InputError(f"{plan.source}: no trial is complete: `python -m pipeline sweep {plan.source}` runs them")
    chosen = best[0] if number is None and len(best) == 1 else number
    if chosen not in complete:
        raise InputError(f"--apply: name a complete trial, the best of which are {', '.join(map(str, best))}")
    return complete[chosen]
