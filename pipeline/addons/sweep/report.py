"""What a sweep tells: a line a trial, and the table."""

from typing import Any

import optuna
import pandas as pd
from optuna.trial import FrozenTrial

from pipeline.addons.sweep import trials
from pipeline.addons.sweep.definition import SCORES
from pipeline.addons.sweep.plan import Plan, told
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, STATES


def line(plan: Plan, study: optuna.Study, trial: FrozenTrial) -> str:
    """Tell in a line how a trial ended, the best so far, and how many are done."""
    ranked, reason = trials.ranked(study), trial.user_attrs["reason"]
    values, score = told(trials.values(plan.sweep, trial)), f"failed: {reason}" if reason else _score(plan, trial)
    best = f"best: {_score(plan, ranked[0])} (trial {ranked[0].number})" if ranked else "none complete yet"
    done = f"{len(trials.ended(study))} of {plan.sweep.trials} done"
    return f"trial {trial.number}: {values}; {score}; {trial.user_attrs['seconds']:.0f} s; {best}; {done}"


def table(plan: Plan, study: optuna.Study) -> pd.DataFrame:
    """Write trials that have ended as text, the best first, with all that is measured."""
    rows = []
    for trial in [*trials.ranked(study), *study.get_trials(states=(PRUNED, FAILED))]:
        scores = {name: trial.user_attrs["scores"].get(name, "–") for name in SCORES}
        cells = scores | trials.values(plan.sweep, trial) | {"seconds": trial.user_attrs["seconds"]}
        written = {title: _cell(value) for title, value in cells.items()}
        rows.append({"trial": str(trial.number)} | written | {"": _state(trial)})
    return pd.DataFrame(rows)


def _state(trial: FrozenTrial) -> str:
    return f"pruned after epoch {trial.last_step}" if trial.state == PRUNED else STATES[trial.state]


def _score(plan: Plan, trial: FrozenTrial) -> str:
    return f"{plan.sweep.objective} {_cell(trial.value)}" if trial.state == COMPLETE else _state(trial)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
