"""Writes a trial as a model into params.yaml: every other byte of the file, comments among them, stays."""

import io
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from ruamel.yaml import YAML

from pipeline.addons.sweep import space, trials
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.space import Raw
from pipeline.addons.sweep.trials import COMPLETE
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.loading import PARAMS_FILE


def apply(plan: Plan, study: optuna.Study, number: int | None) -> str:
    """Write the best trial, or the one of a number, into params.yaml, and say so.

    Raise `InputError` where there is none, or where a model of that name is none of this sweep's.
    """
    trial, name = _chosen(plan, study, number), plan.training.model
    models = [space.model(plan.raw, plan.sweep, trials.values(plan.sweep, each)) for each in study.trials]
    if plan.raw["models"].get(name, models[0]) not in models:
        raise InputError(f"{PARAMS_FILE}: models.{name} is no trial of this sweep: rename it, or the sweep's file")
    made = models[trial.number]
    written, wanted = with_model(PARAMS_FILE.read_text("utf-8"), name, made), space.with_model(plan.raw, name, made)
    if files.parse_yaml(written, str(PARAMS_FILE)) != wanted:
        remedy = f"add this under models yourself:\n{_text(name, made)}"
        raise InputError(f"{PARAMS_FILE} is laid out in a way of its own: {remedy}")
    loading.validate(wanted)
    files.write_text(PARAMS_FILE, written)
    scores = ", ".join(f"{key} {trial.user_attrs['scores'][key]}" for key in plan.sweep.objectives)
    threads = trial.user_attrs["threads"]
    command = "dvc repro" if threads == processor.threads() else f"{processor.THREADS}={threads} dvc repro"
    return f"{PARAMS_FILE}: models.{name} is trial {trial.number} now ({scores}): `{command}` trains it"


def with_model(content: str, name: str, made: Raw) -> str:
    """Return the text of a params file with a model under `models`, in the place of one of that name, or the last."""
    lines = content.rstrip("\n").split("\n")
    models = next(value for key, value in YAML().compose(content).value if key.value == "models")
    known = {key.value: (key.start_mark.line, _end(lines, value.end_mark.line)) for key, value in models.value}
    start, end = known.get(name, (_end(lines, models.end_mark.line),) * 2)
    gap = [] if name in known else [""]
    return "\n".join([*lines[:start], *gap, _text(name, made), *lines[end:]]) + "\n"


def _end(lines: list[str], end: int) -> int:
    """Return where a part of a file that ends before line `end` ends without blank lines and comments after it."""
    while end > len(lines) or not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):
        end -= 1
    return end


def _text(name: str, made: Raw) -> str:
    """Write a model as a params file has it: a line for each block, dense layer, and key of `train`."""
    lines = [f"  {name}:"]
    for key, value in made.items():
        parts = [f"      {part}: {_flow(one)}" for part, one in value.items()] if isinstance(value, dict) else []
        parts += [f"      - {_flow(one)}" for one in value] if isinstance(value, list) else []
        lines += [f"    {key}:", *parts] if parts else [f"    {key}: {_flow(value)}"]
    return "\n".join(lines)


def _flow(value: Any) -> str:
    """Write a value as YAML in one line."""
    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = True, 10**6, False
    yaml.dump(value, text)
    return text.getvalue().removesuffix("...\n").strip()


def _chosen(plan: Plan, study: optuna.Study, number: int | None) -> FrozenTrial:
    complete = {trial.number: trial for trial in study.get_trials(states=(COMPLETE,))}
    best = [trial.number for trial in trials.best(study)]
    if not complete:
        raise InputError(f"{plan.source}: no trial is complete: `python -m pipeline sweep {plan.source}` runs them")
    if number is None and len(best) > 1:
        raise InputError(
            f"--apply: none beats all others in all objectives: name one of the front, {', '.join(map(str, best))}"
        )
    if number is not None and number not in complete:
        raise InputError(f"--apply: trial {number} is not complete: {', '.join(map(str, complete))} are")
    return complete[best[0] if number is None else number]
