"""Training on several workers: what falls to each, and that their number changes the order of sums alone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import kills
from benchmarks.workspace import Workspace
from pipeline.addons.ray import connection, distributed
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.network import building, training
from tests.conftest import ROOT
from tests.network.test_training import DEMO, FAST, STOPPED, UNIT, digits, train_params

needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed: `make cluster` installs it")
EPOCHS = 30
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "fast": FAST,
    "stopped": {"early_stopping": STOPPED, "loss": "categorical_crossentropy", "label_smoothing": 0.1},
}


@settings(max_examples=15)
@given(images=st.integers(1, 40), batch_size=st.integers(1, 20), workers=st.integers(1, 9))
def test_workers_take_every_image_of_each_batch_once_or_each_a_whole_small_batch(
    images: int, batch_size: int, workers: int
) -> None:
    labels = np.arange(images)
    pictures = np.zeros((images, 2, 2, 1), np.uint8)
    chosen = train_params(epochs=1, batch_size=batch_size)
    seen: list[int] = []
    for _, batch in training.batches((pictures, labels), chosen, 1).as_numpy_iterator():
        shares = [batch[distributed.share(len(batch), worker, workers)].tolist() for worker in range(workers)]
        if len(batch) < workers:
            assert shares == [batch.tolist()] * workers
        else:
            assert sorted(np.concatenate(shares)) == sorted(batch)
            assert max(map(len, shares)) - min(map(len, shares)) <= 1
        seen += batch.tolist()
    assert sorted(seen) == labels.tolist()


@settings(max_examples=20)
@given(images=st.integers(1, 20), workers=st.integers(1, 9), seed=st.integers(0, 99), values=st.integers(1, 7))
def test_dropout_is_drawn_for_the_whole_batch(images: int, workers: int, seed: int, values: int) -> None:
    for dtype in (tf.float32, tf.bfloat16):
        whole = tf.random.stateless_uniform([images, 3, values], [seed, 1], dtype=dtype)
        for worker in range(workers):
            places = distributed.share(images, worker, workers)
            expected = tf.gather(whole, places)
            assert np.array_equal(distributed.noise(tf.shape(expected), dtype, [seed, 1], places), expected)


def network(changes: dict[str, Any]) -> Any:
    """Return a network with batch norm and dropout, trained on four batches, of which the last is of one image."""
    raw = DEMO.models["vgg_augmented"].model_dump()
    raw["blocks"][1]["batch_norm"] = "after_convolution"
    raw["dense"][0]["batch_norm"] = True
    raw["train"] |= {"epochs": 4, "batch_size": 32, **changes}
    return type(DEMO.models["vgg_augmented"]).model_validate(raw)


def arguments(changes: dict[str, Any]) -> dict[str, Any]:
    chosen = network(changes)
    training.make_deterministic(3)
    model = building.build(chosen, (28, 28, 1), 10, UNIT, steps=16)
    data = {"labelled": digits(0, 97), "validation": digits(100, 150)}
    return {"network": model, **data, "train": chosen.train, "seed": 3, "on_epoch": lambda *_: None}


def test_one_of_one_worker_trains_as_plain_training_does() -> None:
    given = arguments({})
    alone = distributed.parallel(model := given.pop("network"), tf.distribute.OneDeviceStrategy("/cpu:0"))
    assert [variable.shape for variable in alone.variables] == [variable.shape for variable in model.variables]
    states: list[files.Arrays] = []
    history = training.fit(model, **given)
    again = training.fit(alone, **given | {"on_epoch": lambda _, state: states.append(state)})
    assert history.columns.tolist() == again.columns.tolist()
    np.testing.assert_allclose(again, history, rtol=0.01, atol=1 / 50)  # sums in another order: one validation image
    assert len(states) == len(history)


PAIR = """
import hashlib, json, os, sys
worker, port = int(sys.argv[1]), sys.argv[2:]
os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": port}, "task": {"type": "worker", "index": worker}})
import tensorflow as tf
from pipeline.addons.ray import distributed
from pipeline.network import training
from tests.addons.ray import test_workers
strategy = tf.distribute.MultiWorkerMirroredStrategy()
for kind, changes in test_workers.KINDS.items():
    given = test_workers.arguments(changes)
    model = distributed.parallel(given.pop("network"), strategy)
    history = training.fit(model, **given)
    weights = hashlib.sha256(b"".join(variable.numpy().tobytes() for variable in model.variables)).hexdigest()
    print("\\n" + json.dumps({"kind": kind, "history": history.to_dict("list"), "weights": weights}), flush=True)
"""


@pytest.mark.slow
def test_two_workers_have_the_same_weights_and_the_figures_of_one() -> None:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        workers = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, other)]
    command = [sys.executable, "-c", PAIR]
    options: dict[str, Any] = {"cwd": ROOT, "stdout": subprocess.PIPE, "text": True}
    pair = [subprocess.Popen([*command, str(worker), *workers], **options) for worker in range(2)]
    printed = [[line for line in each.communicate()[0].splitlines() if line.startswith("{")] for each in pair]
    assert printed[0] == printed[1]
    assert len(printed[0]) == len(KINDS)
    for line in map(json.loads, printed[0]):
        history = training.fit(**arguments(KINDS[line["kind"]]))
        assert history.columns.tolist() == list(line["history"])
        for name in ("train_loss", "validation_loss", "learning_rate"):  # of the first epoch: differences grow
            near = pytest.approx(history[name][0], rel=0.05 if line["kind"] == "fast" else 0.01)
            assert line["history"][name][0] == near


def test_more_workers_than_images_of_a_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="workers 33 are more than the images of a batch, 32"):
        train_params(workers=33)
    assert train_params().workers == 1
    assert train_params(workers=32).workers == 32


def shares(nodes: list[dict[str, float]], workers: int) -> dict[str, int]:
    """Return what each worker takes of machines that have so much."""
    alive = [{"Alive": True, "Resources": node} for node in nodes]
    dead = {"Alive": False, "Resources": {"CPU": 99.0, "GPU": 9.0}}
    return connection.shares(SimpleNamespace(nodes=lambda: [*alive, dead]), workers, "train.workers")


@given(nodes=st.lists(st.integers(0, 9), min_size=1, max_size=5), workers=st.integers(1, 12))
def test_each_worker_gets_as_many_cores_as_all_can_have(nodes: list[int], workers: int) -> None:
    have = [{"CPU": float(count)} for count in nodes]
    if sum(nodes) < workers:
        with pytest.raises(InputError, match=rf"train\.workers is {workers}, but Ray has {sum(nodes)} CPU"):
            shares(have, workers)
    else:
        each = shares(have, workers)["num_cpus"]
        assert sum(count // each for count in nodes) >= workers
        assert sum(count // (each + 1) for count in nodes) < workers


def test_workers_take_graphics_cards_where_there_are_any() -> None:
    nodes = [{"CPU": 16.0, "GPU": 2.0}, {"CPU": 64.0}]
    assert shares(nodes, 2) == {"num_cpus": 0, "num_gpus": 1}
    with pytest.raises(InputError, match="workers is 3, but Ray has 2 GPU"):
        shares(nodes, 3)


def workers_of(dvc: subprocess.Popen[str]) -> list[psutil.Process]:
    """List the processes of a training's workers."""
    return [each for each in psutil.Process(dvc.pid).children(recursive=True) if "_Worker" in each.name()]


@needs_ray
@pytest.mark.slow
def test_a_lost_worker_and_a_lost_stage_leave_the_bytes_and_the_run_of_a_training_that_lost_none(
    tmp_path: Path,
) -> None:
    whole, killed = Workspace(tmp_path / "whole"), Workspace(tmp_path / "killed")
    params = kills.params(EPOCHS)
    for workspace in (whole, killed):
        workspace.write(params | {"train": params["train"] | {"workers": 2}})
    whole.repro("train@heavy-1")
    killed.repro("prepare")

    dvc = kills.train_an_epoch(killed)
    workers_of(dvc)[-1].kill()
    assert dvc.stdout
    assert any("a worker was lost: all go on" in line for line in dvc.stdout)
    state = kills.states(killed)
    while kills.states(killed) == state and dvc.poll() is None:
        time.sleep(0.01)
    children = psutil.Process(dvc.pid).children(recursive=True)
    os.killpg(dvc.pid, signal.SIGKILL)
    dvc.communicate()
    assert not psutil.wait_procs(children, timeout=60)[1]

    killed.repro("train@heavy-1")
    assert killed.digests() == whole.digests()
    (run,) = killed.runs()
    assert run.info.status == "FINISHED"
