"""Trains one trial of a sweep: as the stage `train` would, but for the files that DVC keeps."""

import contextlib
import io
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from optuna import TrialPruned
from optuna.trial import FrozenTrial, TrialState

from pipeline.addons.sweep import trials
from pipeline.addons.sweep.definition import ACCURACY, EACH_EPOCH, LOSS, PARAMETERS, SECONDS, Sweep
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, STATES
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.base.files import Arrays
from pipeline.config.models import Model
from pipeline.data import arrays
from pipeline.data.arrays import LabelledRows
from pipeline.tracking import journals, paths
from pipeline.tracking.description import Description
from pipeline.tracking.journals import Journal

if TYPE_CHECKING:
    import keras

MEASURED = 1000  # images at most, to measure what a prediction takes


class Job(NamedTuple):
    """All that training a trial needs, with the trials that have ended before it starts, for the pruner."""

    sweep: Sweep
    network: Model
    seed: int
    described: Description
    ended: list[FrozenTrial]


class Outcome(NamedTuple):
    """What came of a trial: its state, what a pruner goes by of each epoch, and its attributes as in `trials.py`."""

    state: TrialState
    epochs: list[float]
    attributes: dict[str, Any]


def train(job: Job, after_epoch: Callable[[], None] = lambda: None) -> Outcome:
    """Train a trial, from where it was if it was broken off, and return what came of it.

    Its journal is kept as any training's. A loss that is no longer a number fails the trial, nothing else.
    """
    scores, reason = dict[str, float](), None
    with journals.opened(job.described, recorded=False) as journal:
        try:
            state, scores = COMPLETE, _scores(job, journal, after_epoch)
        except TrialPruned:
            state = PRUNED
            journal.set_status("KILLED")
        except InputError as error:
            state, reason = FAILED, str(error)
            journal.set_status("FAILED")
        journal.tag({"sweep.state": STATES[state]})
    seconds = round(sum(journal.values("epoch/seconds")), 3)
    attributes = {"scores": scores, "seconds": seconds, "threads": processor.threads(), "reason": reason}
    return Outcome(state, _epochs(job.sweep, journal), attributes)


def _scores(job: Job, journal: Journal, after_epoch: Callable[[], None]) -> dict[str, float]:
    """Train the network and return its scores, rounded as `evaluate` has them."""
    from pipeline.network import saving, temperature, training  # not for whoever starts trials

    network, seed, dataset = job.network, job.seed, files.read_json(paths.DATASET)
    train, validation = arrays.read(paths.TRAIN, at_random=True), arrays.read(paths.VALIDATION)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # or it warns that each trial's network is compiled anew
    model = training.untrained(network, dataset, len(train[1]), seed)

    def on_epoch(row: training.Row, state: Arrays) -> None:
        journal.log_epoch(row, len(train[1]))
        after_epoch()
        so_far = _epochs(job.sweep, journal)
        if row["epoch"] < network.train.epochs and trials.prunes(job.sweep, job.ended, so_far):
            raise TrialPruned  # before the state is kept: broken off here, the trial comes to the same end
        journal.save_state(state)

    with contextlib.redirect_stdout(io.StringIO()):  # a line an epoch
        training.fit(model, train, validation, network.train, seed, on_epoch, journal.state())
    if network.train.temperature_scaling:
        model = temperature.scaled(model, validation)
    with tempfile.TemporaryDirectory() as folder:
        files.write_bytes(saved := Path(folder, "model.keras"), saving.to_bytes(model))
        scores = _measured(saving.load(saved), validation)
    journal.log_metrics(nested(scores))
    return scores


def _measured(model: "keras.Model", validation: LabelledRows) -> dict[str, float]:
    """Score a network as it was saved, which may compute in another precision than it was trained in."""
    from pipeline.evaluation import metrics
    from pipeline.network import training

    images, labels = validation
    headline = metrics.headline(labels, training.predict(model, images))
    started, some = time.perf_counter(), images[:MEASURED]
    training.predict(model, some)
    seconds = (time.perf_counter() - started) / len(some)
    named = {ACCURACY: headline["accuracy"], LOSS: headline["loss"]}
    return named | {PARAMETERS: model.count_params(), SECONDS: float(f"{seconds:.3g}")}


def nested(scores: dict[str, float]) -> dict[str, Any]:
    """Lay scores out as metrics.json, for the run; seconds aside, which are `test`'s there."""
    return {"validation": {"accuracy": scores[ACCURACY], "loss": scores[LOSS]}, "parameters": scores[PARAMETERS]}


def _epochs(sweep: Sweep, journal: Journal) -> list[float]:
    """List by epoch what the pruner goes by; nothing without one."""
    return [] if sweep.pruner == "none" else journal.values(f"epoch/{EACH_EPOCH[next(iter(sweep.objectives))]}")
