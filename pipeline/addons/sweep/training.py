"""Trains one trial of a sweep: as the stage `train` would, but for the files that DVC keeps."""

import contextlib
import dataclasses
import io
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.addons.sweep import sampling
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.settings import ACCURACY, EACH_EPOCH, LOSS, PARAMETERS, SECONDS, Sweep
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, Trial
from pipeline.base import files, processor, tables
from pipeline.base.errors import InputError
from pipeline.base.files import Arrays
from pipeline.data import arrays
from pipeline.data.arrays import LabelledRows
from pipeline.tracking import description, journal, paths
from pipeline.tracking.journal import Journal

if TYPE_CHECKING:
    import keras

MEASURED = 1000  # images at most, to measure what a prediction takes


class Pruned(Exception):  # noqa: N818  # no error
    """A trial is not worth going on with."""


@dataclass(frozen=True)
class Job:
    """All that training a trial needs, with the trials that have ended before it starts.

    `dataset` describes the data for MLflow, `sweep_run` is the sweep's own journal by its id.
    """

    plan: Plan
    trial: Trial
    known: list[Trial]
    dataset: dict[str, str]
    sweep_run: str


def train(job: Job, after_epoch: Callable[[], None] = lambda: None) -> Trial:
    """Train a trial, from where it was if it was broken off, and return it with what came of it.

    Its journal is kept as any training's. A loss that is no longer a number fails the trial, nothing else.
    """
    plan, trial = job.plan, job.trial
    described = description.of_training(plan.params(trial.values), plan.training, trial.fingerprint, job.dataset)
    described.tags |= {"sweep.training": job.sweep_run, "sweep.name": plan.name, "sweep.trial": str(trial.number)}
    with journal.opened(described, recorded=False) as record:
        try:
            ended = dataclasses.replace(trial, state=COMPLETE, scores=_scores(job, record, after_epoch))
        except Pruned:
            ended = dataclasses.replace(trial, state=PRUNED)
            record.end("KILLED")
        except InputError as error:
            ended = dataclasses.replace(trial, state=FAILED, reason=str(error))
            record.end("FAILED")
        record.tag({"sweep.state": ended.state})
    seconds = round(sum(record.values("epoch/seconds")), 3)
    epochs, threads = _epochs(plan.sweep, record), processor.threads()
    return dataclasses.replace(ended, epochs=epochs, seconds=seconds, threads=threads)


def _scores(job: Job, record: Journal, after_epoch: Callable[[], None]) -> dict[str, float]:
    """Train the network and return its scores, rounded as `evaluate` has them."""
    from pipeline.network import building, saving, temperature, training  # not for whoever starts trials

    plan, seed, dataset = job.plan, job.plan.training.seed, files.read_json(paths.DATASET)
    network = plan.params(job.trial.values).models[plan.training.model]
    train, validation = arrays.read(paths.TRAIN, at_random=True), arrays.read(paths.VALIDATION)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # or it warns that each trial's network is compiled anew
    model = training.untrained(network, dataset, len(train[1]), seed)

    def on_epoch(row: training.Row, state: Arrays) -> None:
        record.log_epoch(row, len(train[1]))
        after_epoch()
        so_far = dataclasses.replace(job.trial, epochs=_epochs(plan.sweep, record))
        if row["epoch"] < network.train.epochs and sampling.prunes(plan.sweep, job.known, so_far):
            raise Pruned  # before the state is kept: broken off here, the trial comes to the same end
        record.save_state(state)

    with contextlib.redirect_stdout(io.StringIO()):  # a line an epoch
        history = training.fit(model, train, validation, network.train, seed, on_epoch, record.state())
    if network.train.temperature_scaling:
        model = temperature.scaled(model, validation)
    with tempfile.TemporaryDirectory() as folder:
        made = {name: Path(folder, name) for name in ("layers.csv", "history.csv", "model.keras")}
        tables.write_csv(made["layers.csv"], building.layer_table(model))
        tables.write_csv(made["history.csv"], history)
        files.write_bytes(saved := made.pop("model.keras"), saving.to_bytes(model))
        record.attach(made)
        scores = _measured(saving.load(saved), validation)
    record.log_scores(nested(scores))
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


def _epochs(sweep: Sweep, record: Journal) -> list[float]:
    """List by epoch what a pruner goes by; nothing where the objective is not one of each epoch."""
    known = [record.values(f"epoch/{EACH_EPOCH[name]}") for name in sweep.objectives if name in EACH_EPOCH]
    return known[0] if known else []
