"""What a sweep tells: a line a trial, a table, Optuna's plots."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial

from pipeline.addons.sweep import trials
from pipeline.addons.sweep.plan import Plan, told
from pipeline.addons.sweep.trials import COMPLETE, PRUNED, STATES
from pipeline.base import files, tables
from pipeline.base.errors import short


def line(plan: Plan, study: optuna.Study, trial: FrozenTrial) -> str:
    """Tell in a line how a trial ended, the best so far, and how many are done."""
    reason = trial.user_attrs["reason"]
    return "; ".join(
        [
            f"trial {trial.number}: {told(trials.values(plan.sweep, trial))}",
            _scores(plan, trial) or (f"failed: {reason}" if reason else _state(trial)),
            f"{trial.user_attrs['seconds']:.0f} s",
            _best(plan, study),
            f"{len(trials.ended(study))} of {plan.sweep.trials} done",
        ]
    )


def table(plan: Plan, study: optuna.Study) -> pd.DataFrame:
    """Write trials that have ended as text, the best first; those on the front, or the best one, have a star."""
    best = [trial.number for trial in trials.best(study)]
    complete = trials.ranked(study, study.get_trials(states=(COMPLETE,)))
    rows = []
    for trial in [*complete, *(trial for trial in trials.ended(study) if trial.state != COMPLETE)]:
        values, scores = trials.values(plan.sweep, trial), trial.user_attrs["scores"]
        number = f"{trial.number} *" if trial.number in best else f"{trial.number}"
        cells = {name: scores.get(name, "–") for name in plan.sweep.objectives} | values
        cells = {title: _cell(value) for title, value in (cells | {"seconds": trial.user_attrs["seconds"]}).items()}
        rows.append({"trial": number} | cells | {"": _state(trial)})
    return pd.DataFrame(rows)


def write(plan: Plan, study: optuna.Study, folder: Path) -> list[Path]:
    """Write the table as CSV, and plots of complete trials, into a folder, and list these files."""
    tables.write_csv(folder / "trials.csv", table(plan, study))
    return [folder / "trials.csv", *(_draw(plan, study, folder) if trials.best(study) else [])]


def _draw(plan: Plan, study: optuna.Study, folder: Path) -> list[Path]:
    """Plot each objective by trial and by each key's values, and several objectives against each other."""
    import matplotlib as mpl  # here, since it takes a second
    import numpy as np
    from optuna.visualization import matplotlib as plots

    from pipeline.figures import png

    drawn, objectives = dict[str, Any](), [str(name) for name in plan.sweep.objectives]
    with mpl.rc_context(), warnings.catch_warnings(action="ignore"):  # Optuna sets a style, and says it is experimental
        for index, name in enumerate(objectives):
            target = partial(_objective, index=index)
            drawn[f"{name}_by_trial"] = plots.plot_optimization_history(study, target=target, target_name=name)
            drawn[f"{name}_by_key"] = plots.plot_slice(study, target=target, target_name=name)
        if len(objectives) > 1:
            drawn["front"] = plots.plot_pareto_front(study, target_names=objectives)
        for name, axes in drawn.items():
            files.write_bytes(folder / f"{name}.png", png.encode(np.ravel(axes)[0].figure))
    return [folder / f"{name}.png" for name in drawn]


def _objective(trial: FrozenTrial, index: int) -> float:
    return float(trial.values[index])


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


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else short(value)
