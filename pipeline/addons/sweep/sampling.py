"""Optuna: which values to try next, whether to go on with a trial, what matters.

A study is made anew from the trials on disk each time, so that an answer follows from the seed, the trial's number and
those trials alone, also after a kill.
"""

import itertools
import json
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.addons.sweep import space
from pipeline.addons.sweep.definition import Choices, Dimension, Sweep
from pipeline.addons.sweep.space import Raw, Values
from pipeline.addons.sweep.trials import COMPLETE, FAILED, Trial

if TYPE_CHECKING:
    import optuna

ATTEMPTS = 50  # at values that no trial has had, of which TPE,
INSISTENT = 10  # which may stay with what it has found, has the first; then chance has them
DIGITS = 4  # of a sampled number, so that params.yaml stays readable
STEP_DIGITS = 10  # of one on a grid
ENOUGH = 4  # trials, to tell what matters


def ask(raw: Raw, sweep: Sweep, trials: list[Trial]) -> Values | None:
    """Return the values of the next trial, which none has had; None where there seem to be no more."""
    if sweep.sampler == "grid":
        return next(itertools.islice(space.grid(raw, sweep), len(trials), None), None)
    for attempt in range(ATTEMPTS):
        values = _sampled(raw, sweep, trials, attempt)
        if values not in [trial.values for trial in trials]:
            return values
    return None


def prunes(sweep: Sweep, trials: list[Trial], trial: Trial) -> bool:
    """Say whether a trial with these figures of its epochs so far is not worth going on with."""
    if sweep.pruner == "none":
        return False
    import optuna  # here, since most commands do without

    study = _study(sweep, [other for other in trials if other.number != trial.number])
    return optuna.pruners.MedianPruner().prune(study, _frozen(sweep, trial))


def importance(sweep: Sweep, trials: list[Trial], objective: int) -> dict[str, float]:
    """Return how much of an objective's variance each key accounts for (fANOVA, Hutter 2014); {} of too few trials."""
    import optuna

    complete = [trial for trial in trials if trial.state == COMPLETE]
    if len(complete) < ENOUGH or len({trial.figures(sweep)[objective] for trial in complete}) < 2:
        return {}
    found = optuna.importance.get_param_importances(
        _study(sweep, complete),
        evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0),
        target=lambda frozen: frozen.values[objective],
    )
    return {key: float(share) for key, share in found.items()}


def _sampled(raw: Raw, sweep: Sweep, trials: list[Trial], attempt: int) -> Values:
    """Sample values, by a sampler that begins anew with each trial and attempt."""
    import optuna

    seed = int(np.random.SeedSequence([sweep.seed, len(trials), attempt]).generate_state(1)[0])
    by_chance = sweep.sampler == "random" or attempt >= INSISTENT
    with warnings.catch_warnings(action="ignore"):  # of options that are experimental
        sampler = optuna.samplers.RandomSampler(seed) if by_chance else optuna.samplers.TPESampler(seed=seed)
    return space.chosen(raw, sweep, partial(_suggested, _study(sweep, trials, sampler).ask()))


def _study(sweep: Sweep, trials: list[Trial], sampler: "optuna.samplers.BaseSampler | None" = None) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=list(sweep.objectives.values()), sampler=sampler)
    for trial in trials:
        study.add_trial(_frozen(sweep, trial))
    return study


def _frozen(sweep: Sweep, trial: Trial) -> "optuna.trial.FrozenTrial":
    from optuna.trial import FixedTrial, TrialState, create_trial

    fixed = FixedTrial({key: _coded(sweep.space[key], value) for key, value in trial.values.items()})
    for key in trial.values:
        _suggested(fixed, key, sweep.space[key])  # which tells it the distribution
    return create_trial(
        state=TrialState["FAIL" if trial.state == FAILED else trial.state.upper()],
        values=trial.figures(sweep) if trial.state == COMPLETE else None,
        params=fixed.params,
        distributions=fixed.distributions,
        intermediate_values=dict(enumerate(trial.epochs, 1)),
    )


def _suggested(asked: "optuna.trial.BaseTrial", key: str, dimension: Dimension) -> Any:
    if isinstance(dimension, Choices):
        return json.loads(asked.suggest_categorical(key, [_coded(dimension, choice) for choice in dimension.choices]))
    low, high, step, log = dimension.low, dimension.high, dimension.step, dimension.log
    if dimension.whole:
        return asked.suggest_int(key, int(low), int(high), step=int(step or 1), log=log)
    digits = STEP_DIGITS if step else DIGITS
    return min(max(float(f"{asked.suggest_float(key, low, high, step=step, log=log):.{digits}g}"), low), high)


def _coded(dimension: Dimension, value: Any) -> Any:
    """Write a choice, which may be a list or a mapping, as Optuna takes it."""
    return json.dumps(value) if isinstance(dimension, Choices) else value
