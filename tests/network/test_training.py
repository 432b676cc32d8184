import functools
import hashlib
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.models import Train
from pipeline.data import arrays, datasets
from pipeline.data.arrays import LabelledRows, Rows
from pipeline.evaluation import metrics
from pipeline.network import building, optimizers, saving, training
from tests.conftest import ROOT

DEMO = loading.load(ROOT / "recipes" / "demo.yaml")
UNIT = {"scale": [1 / 255], "offset": [0.0]}


def train_params(**changes: Any) -> Train:
    return Train.model_validate(files.read_yaml(ROOT / "recipes" / "demo.yaml")["train"] | changes)


@functools.cache
def digits(first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
    images, labels = datasets.DATASETS["digits"].decode([])["train"]
    return images[first:end], labels[first:end]


def train(name: str = "baseline", **changes: Any) -> tuple[Any, pd.DataFrame, list[int]]:
    training.make_deterministic(3)
    model = building.build(DEMO.models[name], (28, 28, 1), 10, UNIT)
    seen: list[int] = []
    chosen = train_params(**{"epochs": 2, **changes})
    history = training.fit(
        model, digits(0, 200), digits(200, 300), chosen, 3, lambda row, _: seen.append(int(row["epoch"]))
    )
    return model, history, seen


def test_history_has_a_row_for_each_epoch_and_learning_lowers_the_loss() -> None:
    _, history, seen = train(epochs=3, schedule={"name": "constant"})
    assert seen == history["epoch"].tolist() == [1, 2, 3]
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    assert history["learning_rate"].tolist() == [0.002] * 3
    assert set(history) == {
        *("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate")
    }


def test_without_a_validation_part_history_has_none() -> None:
    training.make_deterministic(3)
    model = building.build(DEMO.models["baseline"], (28, 28, 1), 10, UNIT)
    history = training.fit(model, digits(0, 64), digits(0, 0), train_params(epochs=2), 3, lambda *_: None)
    assert set(history) == {"epoch", "train_loss", "train_accuracy", "learning_rate"}


def test_no_data_is_tuned_by_tensorflow_whose_end_could_then_last_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    iterate, tuned = tf.data.Dataset.__iter__, []

    def record(dataset: tf.data.Dataset) -> Any:
        tuned.append(dataset.options().autotune.enabled)
        return iterate(dataset)

    monkeypatch.setattr(tf.data.Dataset, "__iter__", record)
    model, *_ = train(loss="categorical_crossentropy")
    training.predict(model, digits(0, 10)[0])
    assert len(tuned) >= 3  # training's, validation's, prediction's
    assert set(tuned) == {False}


def test_loss_is_taken_from_the_logits() -> None:
    """A probability of e-60 counts as such; from probabilities, Keras would clip it at 1e-7, a loss of 16."""
    model = building.build(DEMO.models["baseline"], (28, 28, 1), 10, UNIT)
    logits = model.get_layer("logits")
    logits.set_weights([np.zeros(shape) for shape in (logits.kernel.shape, logits.bias.shape)])
    logits.bias.assign([60.0] + [0.0] * 9)
    for name in ("sparse_categorical_crossentropy", "categorical_crossentropy"):
        chosen = train_params(epochs=1, loss=name, optimizer={"name": "sgd", "learning_rate": 1e-12})
        wrong = digits(0, 32)[0], np.full(32, 3)
        history = training.fit(model, wrong, wrong, chosen, 3, lambda *_: None)
        assert history["train_loss"].tolist() == pytest.approx([60.0], rel=1e-4)


class InterruptedWhenDeleted:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)  # what this raises, Python prints and forgets


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_the_training_also_where_python_would_forget_it() -> None:
    seen: list[int] = []

    def on_epoch(row: dict[str, float], _: files.Arrays) -> None:
        seen.append(int(row["epoch"]))
        InterruptedWhenDeleted()

    model = building.build(DEMO.models["baseline"], (28, 28, 1), 10, UNIT)
    with pytest.raises(KeyboardInterrupt):
        training.fit(model, digits(0, 100), digits(200, 300), train_params(epochs=3), 3, on_epoch)
    assert seen == [1]


def test_every_loss_and_optimizer_trains() -> None:
    kinds: dict[str, dict[str, Any]] = {
        "adamw": {"weight_decay": 0.01},
        "sgd": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        "muon": {"momentum": 0.9, "weight_decay": 0.01},
    }
    for name, options in kinds.items():
        optimizer = {"name": name, "learning_rate": 0.01, **options}
        loss = {"loss": "categorical_crossentropy", "label_smoothing": 0.1}
        model, history, _ = train("baseline", **loss, epochs=3, optimizer=optimizer)
        assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0], name
        assert all(getattr(model.optimizer, key) == value for key, value in options.items())


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_the_graph_of_a_step_is_built_once(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step, built = keras.Model.train_step, []

    def record(model: keras.Model, batch: Any) -> Any:
        built.append(batch)
        return step(model, batch)

    monkeypatch.setattr(keras.Model, "train_step", record)
    _, history, _ = train(loss=loss, epochs=2)
    assert len(built) == 1
    assert history["validation_accuracy"].iloc[-1] > 0.2  # of the labels as this loss has them


def in_a_file(folder: Path, images: np.ndarray, labels: np.ndarray) -> LabelledRows:
    arrays.write(folder, images, labels)
    return arrays.read(folder)


def among_others(folder: Path, images: np.ndarray, labels: np.ndarray) -> LabelledRows:
    backwards, _ = in_a_file(folder, np.concatenate([images[::-1], images]), np.tile(labels, 2))
    return Rows(backwards, np.arange(len(labels))[::-1]), labels


def test_images_in_a_file_or_among_others_give_the_same_weights_and_probabilities(tmp_path: Path) -> None:
    found = []
    for place in (lambda _, *data: data, in_a_file, among_others):
        part = functools.partial(place, tmp_path)
        training.make_deterministic(3)
        model = building.build(DEMO.models["baseline"], (28, 28, 1), 10, UNIT)
        chosen = train_params(epochs=2, augmentation=DEMO.models["vgg_augmented"].train.augmentation)
        history = training.fit(model, part(*digits(0, 700)), part(*digits(200, 300)), chosen, 3, lambda *_: None)
        probabilities = training.predict(model, part(*digits(0, 700))[0])
        found.append([*model.get_weights(), history.to_numpy(), probabilities])
    for memory, file, others in zip(*found, strict=True):
        np.testing.assert_array_equal(memory, file, strict=True)
        np.testing.assert_array_equal(memory, others, strict=True)


def test_evaluation_agrees_with_keras() -> None:
    model, history, _ = train()
    images, labels = digits(200, 300)
    loss, accuracy = model.evaluate(images, labels, verbose=0)
    ours = metrics.headline(labels, training.predict(model, images))
    assert ours["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert ours["loss"] == pytest.approx(loss, abs=1e-5)
    assert history["validation_accuracy"].iloc[-1] == pytest.approx(accuracy, abs=1e-6)


def test_early_stopping_restores_the_best_weights() -> None:
    stop = {"monitor": "validation_loss", "patience": 2, "min_delta": 0.0}
    optimizer = {"name": "adam", "learning_rate": 0.02}
    schedule = {"name": "constant"}
    model, history, _ = train(epochs=30, early_stopping=stop, optimizer=optimizer, schedule=schedule)
    assert len(history["epoch"]) < 30
    images, labels = digits(200, 300)
    loss = metrics.headline(labels, training.predict(model, images))["loss"]
    assert loss == pytest.approx(min(history["validation_loss"]), rel=1e-4, abs=2e-6)


FAST = {
    "precision": "mixed_bfloat16",
    "optimizer": {"name": "muon", "learning_rate": 0.01},
    "augmentation": {"horizontal_flip": "alternating", "shift_pixels": 1, "erasing": {"height": 8, "width": 8}},
}
STOPPED = {"monitor": "validation_loss", "patience": 2, "min_delta": 0.5}  # after the third epoch


@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize(
    "changes",
    [{}, {"early_stopping": STOPPED}, {"optimizer": {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9}}, FAST],
    ids=["adam", "early stopping", "momentum", "fast"],
)
def test_training_goes_on_from_any_epoch_to_the_same_bytes(changes: dict[str, Any], after: int) -> None:
    chosen = DEMO.models["vgg_augmented"].train.model_dump() | {"epochs": 4, **changes}
    states: list[files.Arrays] = []

    def trained(state: files.Arrays | None) -> tuple[bytes, str]:
        training.make_deterministic(3)
        network = DEMO.models["vgg_augmented"].model_copy(update={"train": Train.model_validate(chosen)})
        model = building.build(network, (28, 28, 1), 10, UNIT)
        data, keep = (digits(0, 100), digits(100, 150)), lambda _, now: states.append(now)
        history = training.fit(model, *data, network.train, 3, keep, state)
        return saving.to_bytes(model), history.to_csv()

    whole = trained(None)
    assert len(states) == (3 if "early_stopping" in changes else 4)
    assert trained(states[after - 1]) == whole


def test_diverging_training_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match=r"the loss in epoch \d is .*nan.*: lower train\.optimizer"):
        train(optimizer={"name": "sgd", "learning_rate": 0.5}, epochs=5, schedule={"name": "constant"})


def test_batches_hold_every_image_once_an_epoch_in_another_order() -> None:
    labels = np.arange(50)
    images = np.broadcast_to(labels.astype(np.uint8)[:, None, None, None], (50, 28, 28, 1))
    dataset = training.batches((images, labels), train_params(epochs=2, batch_size=16), 1)
    drawn = [(x[:, 0, 0, 0], y) for x, y in dataset.take(8).as_numpy_iterator()]
    assert [len(y) for _, y in drawn] == [16, 16, 16, 2] * 2
    assert all(np.array_equal(x, y) for x, y in drawn)
    first, second = (np.concatenate([y for _, y in drawn[part : part + 4]]).tolist() for part in (0, 4))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second != list(range(50))


def test_augmented_batches_differ_between_epochs_but_not_between_runs() -> None:
    chosen = DEMO.models["vgg_augmented"].train.model_copy(update={"batch_size": 50, "epochs": 2})
    runs = [
        list(training.batches((digits(0, 50)[0], np.arange(50)), chosen, 1).take(2).as_numpy_iterator())
        for _ in range(2)
    ]
    first, second = ({label: image for image, label in zip(*batch, strict=True)} for batch in runs[0])
    assert not any(np.array_equal(first[label], second[label]) for label in range(50))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(*runs, strict=True))


def test_alternating_flip_mirrors_each_image_every_second_epoch() -> None:
    chosen = train_params(epochs=4, batch_size=16, augmentation={"horizontal_flip": "alternating"})
    images, labels = digits(0, 64)[0], np.arange(64)
    mirrored = np.zeros((4, 64), bool)
    for number, (x, y) in enumerate(training.batches((images, labels), chosen, 1).as_numpy_iterator()):
        mirrored[number // 4, y] = (x == images[y][:, :, ::-1]).all((1, 2, 3))
    assert np.array_equal(mirrored[::2], ~mirrored[1::2])
    assert np.array_equal(mirrored[0], mirrored[2])
    assert 16 < mirrored[0].sum() < 48


@pytest.mark.parametrize(
    ("schedule", "start", "middle", "end"),
    [
        ({"name": "constant"}, 1.0, 1.0, 1.0),
        ({"name": "cosine", "final_fraction": 0.1}, 1.0, 0.55, 0.1),
        ({"name": "one_cycle", "warmup_fraction": 0.5, "initial_fraction": 0.2, "final_fraction": 0.0}, 0.2, 1.0, 0.0),
    ],
)
def test_schedules_start_turn_and_end_where_they_should(
    schedule: dict[str, Any], start: float, middle: float, end: float
) -> None:
    chosen = train_params(schedule=schedule, epochs=10, optimizer={"name": "sgd", "learning_rate": 1.0})
    rate = optimizers.learning_rate(chosen, 20)
    values = [float(rate if isinstance(rate, float) else rate(step)) for step in (0, 100, 200)]
    assert values == pytest.approx([start, middle, end], abs=1e-6)
    if schedule["name"] == "cosine":
        assert float(rate(50)) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)


DIGEST = """
import hashlib
from pipeline.network import saving
from tests.network.test_training import train
print(hashlib.sha256(saving.to_bytes(train("vgg_augmented")[0])).hexdigest())
"""


@pytest.mark.slow
def test_same_bytes_in_another_process() -> None:
    done = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, cwd=ROOT, check=True)
    here = hashlib.sha256(saving.to_bytes(train("vgg_augmented")[0])).hexdigest()
    assert done.stdout.splitlines()[-1] == here
