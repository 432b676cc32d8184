"""Writes a trial as a model into params.yaml: every other byte of the file, comments among them, stays."""

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from pipeline.addons.sweep import space, trials
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.space import Raw
from pipeline.addons.sweep.trials import COMPLETE, Trial
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.loading import PARAMS_FILE


def apply(plan: Plan, number: int | None) -> str:
    """Write the best trial, or the one of a number, into params.yaml, and say so.

    Raise `InputError` where there is none, or where a model of that name is none of this sweep's.
    """
    known = trials.read(plan.name, plan.identity)
    trial, name = _chosen(plan, known, number), plan.training.model
    made = space.model(plan.raw, plan.sweep, trial.values)
    ours = [space.model(plan.raw, plan.sweep, other.values) for other in known]
    if name in plan.raw["models"] and plan.raw["models"][name] not in ours:
        raise InputError(f"{PARAMS_FILE}: models.{name} is no trial of this sweep: rename it, or the sweep's file")
    written, wanted = with_model(PARAMS_FILE.read_text("utf-8"), name, made), space.with_model(plan.raw, name, made)
    if files.parse_yaml(written, str(PARAMS_FILE)) != wanted:
        remedy = f"add this under models yourself:\n{_text(name, made)}"
        raise InputError(f"{PARAMS_FILE} is laid out in a way of its own: {remedy}")
    loading.validate(wanted)
    files.write_text(PARAMS_FILE, written)
    scores = ", ".join(f"{key} {trial.scores[key]}" for key in plan.sweep.objectives)
    alike = trial.threads in (0, processor.threads())
    command = "dvc repro" if alike else f"{processor.THREADS}={trial.threads} dvc repro"  # for the same last digit
    return f"{PARAMS_FILE}: models.{name} is trial {trial.number} now ({scores}): `{command}` trains it"


def with_model(content: str, name: str, made: Raw) -> str:
    """Return the text of a params file with a model under `models`, in the place of one of that name, or the last."""
    lines = content.rstrip("\n").split("\n")
    top = YAML().load(content)
    models: Any = top["models"]
    after = [place for place in (top.lc.key(key)[0] for key in top) if place > top.lc.key("models")[0]]
    ends = sorted([*(models.lc.key(key)[0] for key in models), min(after, default=len(lines))])
    if name in models:
        start = models.lc.key(name)[0]
        end = _without_gap(lines, next(place for place in ends if place > start))
        return "\n".join([*lines[:start], _text(name, made), *lines[end:]]) + "\n"
    end = _without_gap(lines, ends[-1])
    return "\n".join([*lines[:end], "", _text(name, made), *lines[end:]]) + "\n"


def _without_gap(lines: list[str], end: int) -> int:
    """Return where a part of a file that ends before line `end` ends without blank lines and comments after it."""
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):
        end -= 1
    return end


def _text(name: str, made: Raw) -> str:
    """Write a model as a params file has it: a line for each block and dense layer."""
    yaml, content = YAML(), io.StringIO()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    yaml.dump({"models": {name: CommentedMap({key: _styled(value) for key, value in made.items()})}}, content)
    return re.sub(r"\n+$", "", content.getvalue().partition("\n")[2])


def _styled(value: Any) -> Any:
    """Give lists of layers a line for each, `train` one for each key, and write what is deeper in one line."""
    if isinstance(value, dict):
        return CommentedMap({key: _flow(part) for key, part in value.items()})
    if isinstance(value, list) and value:
        return CommentedSeq(map(_flow, value))
    return value


def _flow(value: Any) -> Any:
    if not isinstance(value, dict | list):
        return value
    flow: Any = CommentedMap(value) if isinstance(value, dict) else CommentedSeq(value)
    flow.fa.set_flow_style()
    return flow


def _chosen(plan: Plan, known: list[Trial], number: int | None) -> Trial:
    complete = {trial.number: trial for trial in known if trial.state == COMPLETE}
    best = trials.best(plan.sweep, known)
    if not complete:
        raise InputError(f"{plan.source}: no trial is complete: `python -m pipeline sweep {plan.source}` runs them")
    if number is None and len(best) > 1:
        front = ", ".join(str(trial.number) for trial in best)
        raise InputError(f"--apply: none beats all others in all objectives: name one of the front, {front}")
    if number is None:
        return best[0]
    if number not in complete:
        raise InputError(f"--apply: trial {number} is not complete: {', '.join(map(str, complete))} are")
    return complete[number]
