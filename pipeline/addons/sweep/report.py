"""What a sweep tells: a line a trial, a table, a page with a picture for each objective."""

from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial

from pipeline.addons.sweep import space, trials
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, RUNNING, STATES
from pipeline.base import files, tables
from pipeline.base.errors import short


def line(plan: Plan, study: optuna.Study, ended: FrozenTrial) -> str:
    """Tell in a line how a trial ended, the best so far, and how many are left."""
    came_of_it = {COMPLETE: _scores(plan, ended), FAILED: f"failed: {ended.user_attrs['reason']}"}
    left = len(study.get_trials(states=(RUNNING,))) + max(0, (plan.sweep.trials or 0) - len(study.trials))
    parts = [
        f"trial {ended.number}: {space.told(trials.values(plan.sweep, ended))}",
        came_of_it.get(ended.state) or _state(ended),
        f"{ended.user_attrs['seconds']:.0f} s",
        _best(plan, study),
    ]
    return "; ".join([*parts, f"{left} left"] if plan.sweep.trials else parts)


def frame(plan: Plan, study: optuna.Study) -> pd.DataFrame:
    """Tabulate all trials: `trial`, objectives, keys, NaN where there is none, `seconds`, and the state."""
    rows = []
    for trial in study.trials:
        values = {key: _plain(value) for key, value in trials.values(plan.sweep, trial).items()}
        ending = {"seconds": trial.user_attrs.get("seconds"), "": _state(trial)}
        rows.append({"trial": trial.number} | values | trial.user_attrs.get("scores", {}) | ending)
    return pd.DataFrame(rows, columns=["trial", *plan.sweep.objectives, *plan.sweep.space, "seconds", ""])


def table(plan: Plan, study: optuna.Study) -> pd.DataFrame:
    """Write trials that have ended as text, the best first; those on the front, or the best one, have a star."""
    best, complete = trials.best(study), trials.ranked(study, study.get_trials(states=(COMPLETE,)))
    early = [trial for state in (PRUNED, FAILED) for trial in study.get_trials(states=(state,))]
    order = dict.fromkeys(trial.number for trial in [*best, *complete, *early])
    text = frame(plan, study).iloc[list(order)].map(_cell)
    text["trial"] += [" *"] * len(best) + [""] * (len(text) - len(best))
    return text


def write(plan: Plan, study: optuna.Study, folder: Path) -> list[Path]:
    """Write a page in Markdown and its pictures into a folder, and list these files."""
    from pipeline.addons.sweep import figure
    from pipeline.figures import png  # here, since matplotlib takes a second

    best, made, ways = trials.best(study), dict[str, Path](), plan.sweep.objectives
    found = frame(plan, study).drop(columns=["seconds", ""])
    for index, name in enumerate(ways if best else ()):
        drawn = figure.panels(found, ways, name, [trial.number for trial in best], trials.importance(study, index))
        files.write_bytes(made.setdefault(name, folder / f"{name}.png"), png.encode(drawn))
    states = [trial.state for trial in study.trials]
    counts = ", ".join(f"{states.count(state)} {name}" for state, name in STATES.items() if state in states)
    sections = [
        f"# Sweep {plan.name}",
        f"Trainings of `{plan.sweep.model}` with other values, sampled by {plan.sweep.sampler} with seed "
        f"{plan.sweep.seed}: {counts}. {_best(plan, study).capitalize()}.",
        tables.as_markdown(table(plan, study)),
        *(f"`python -m pipeline sweep {plan.source} --apply {trial.number}` takes the first." for trial in best[:1]),
        *([figure.CAPTION] if made else []),
        *(f"![{name}]({path.name})" for name, path in made.items()),
    ]
    files.write_text(folder / "README.md", "\n\n".join(sections))
    return [folder / "README.md", *made.values()]


def _state(trial: FrozenTrial) -> str:
    return f"pruned after epoch {trial.last_step}" if trial.state == PRUNED else STATES[trial.state]


def _best(plan: Plan, study: optuna.Study) -> str:
    best = trials.best(study)
    if len(plan.sweep.objectives) > 1 and best:
        return "front: " + ", ".join(str(trial.number) for trial in best)
    return f"best: {_scores(plan, best[0])} (trial {best[0].number})" if best else "none complete yet"


def _scores(plan: Plan, trial: FrozenTrial) -> str:
    scores = trial.user_attrs["scores"]
    return ", ".join(f"{name} {_cell(scores[name])}" for name in plan.sweep.objectives if scores)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else short(value)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "–" if value != value else f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
