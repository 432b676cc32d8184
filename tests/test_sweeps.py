"""Search spaces, what is asked next, and what is written into params.yaml; test_sweep_trials.py trains."""

import copy
import dataclasses
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from pipeline.addons.sweep import applying, plan, report, sampling, space, trials
from pipeline.addons.sweep.settings import ACCURACY, LOSS, PARAMETERS, Sweep
from pipeline.addons.sweep.settings import load as read_sweep
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, RUNNING, Trial
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading
from pipeline.config.schema import Params
from pipeline.tracking import fingerprints, paths
from tests import sweeping
from tests.conftest import ROOT
from tests.sweeping import SMALL

RAW = files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"models": {"small": SMALL}, "gate": {}}
SPACE: dict[str, Any] = {
    "blocks.0.filters.0": [2, 4, 8],
    "train.optimizer": [{"name": "adam", "learning_rate": 0.001}, {"name": "sgd", "learning_rate": 0.01}],
    "train.optimizer.momentum": {"low": 0.5, "high": 0.9, "when": {"train.optimizer.name": "sgd"}},
    "train.optimizer.learning_rate": {"low": 0.0001, "high": 0.1, "log": True},
    "train.batch_size": {"low": 8, "high": 32, "step": 8},
}


def content(**changes: Any) -> dict[str, Any]:
    """Return what a sweep's file says; None leaves a key out."""
    whole = {"model": "small", "space": SPACE, "trials": 12, "maximise": ACCURACY} | changes
    return {key: value for key, value in whole.items() if value is not None}


def sweep(**changes: Any) -> Sweep:
    return Sweep.model_validate(content(**changes))


def some_plan(**changes: Any) -> plan.Plan:
    return plan.load(sweeping.write(Path("sweeps/some.yaml"), content(**changes)))


def refused(**changes: Any) -> str:
    """Return in which one line a sweep's file with changes is refused."""
    with pytest.raises(InputError) as error:
        some_plan(**changes)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("sweeps/some.yaml: ")
    return str(error.value).removeprefix("sweeps/some.yaml: ")


def trial(number: int, accuracy: float = 0.5, state: str = COMPLETE, **changes: Any) -> Trial:
    scores = {ACCURACY: accuracy, LOSS: 1 - accuracy, PARAMETERS: 100} if state == COMPLETE else {}
    return dataclasses.replace(Trial(number, {}, "f", state, scores), **changes)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    sweeping.prepare(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"trails": 3}, "trails is unknown; did you mean trials? allowed: "),
        ({"trials": 0}, "trials: 0: input should be greater than 0"),
        ({"trials": None}, "trials is missing, how many there shall be; or minutes"),
        ({"maximise": None}, "maximise is missing, as in maximise: validation.accuracy; or minimise"),
        ({"maximise": "test.accuracy"}, "maximise: 'test.accuracy': nothing is chosen by the test split"),
        ({"maximise": "validation.loss"}, "maximise: 'validation.loss': input should be 'validation.accuracy'"),
        ({"minimise": "size"}, "minimise: 'size': input should be 'validation.loss', 'parameters' or"),
        ({"sampler": "cma"}, "sampler: 'cma': input should be 'tpe', 'random' or 'grid'"),
        ({"sampler": "grid"}, "space.train.optimizer.momentum has no step, which sampler: grid needs"),
        ({"pruner": "median", "minimise": "parameters"}, "pruner: median needs validation.accuracy or validation.loss"),
        ({"model": "huge"}, "model: params.yaml has no huge, only small"),
        ({"resources": {"gpus": -1}}, "resources.gpus: -1: input should be greater than or equal to 0"),
        ({"space": {}}, "space: {}: "),
        ({"space": {"train.epochs": []}}, "space.train.epochs: []: list should have at least 1 item"),
        ({"space": {"train.epochs": [1, 2, 1]}}, "space.train.epochs: 1 stands there twice: name each choice once"),
        ({"space": {"train.epochs": {"low": 3, "high": 1}}}, "space.train.epochs: low 3 is not below high 1"),
        ({"space": {"train.epochs": {"low": 0, "high": 1, "log": True}}}, "space.train.epochs: log needs a low above"),
        (
            {"space": {"train.epochs": {"low": 1, "high": 4, "step": 2}}},
            "space.train.epochs: from 1 to 4 are 1.5 steps",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(folder: Path, changes: dict[str, Any], line: str) -> None:
    assert refused(**changes).startswith(line)


@pytest.mark.parametrize(
    ("varied", "line"),
    [
        ({"train.epochs": [1, 0]}, "with train.epochs 0: models.small_some.train.epochs: 0: input should be greater"),
        ({"train.optimiser": [1]}, "with train.optimiser 1: models.small_some.train: optimiser is unknown; did you me"),
        (
            {"train.epochs": {"choices": [1], "when": {"train.optimizer.nam": "sgd"}}},
            "space.train.epochs: its when {'train.optimizer.nam': 'sgd'} never holds",
        ),
        ({"blocks.2.filters": [[4]]}, "space.blocks.2.filters: the model's list has 0 to 1 there, no 2"),
        ({"dense.0.units.0": [4]}, "space.dense.0.units.0: the model has 8 where 0 should be"),
        ({"train": [1], "train.epochs": [4]}, "space.train.epochs: the model has 1 where epochs should be"),
        (
            {
                "blocks.0.padding": ["same", "valid"],
                "blocks.1.kernel_size": {"low": 1, "high": 29},
                "blocks.1.padding": ["valid"],
            },
            "with blocks.0.padding same, blocks.1.kernel_size 29, blocks.1.padding valid: models.small_some.blocks.1: ",
        ),
    ],
)
def test_a_corner_that_no_model_can_have_is_refused_in_one_line(
    folder: Path, varied: dict[str, Any], line: str
) -> None:
    assert refused(space=varied).startswith(line)


def test_what_is_not_prepared_or_of_other_params_is_refused(folder: Path) -> None:
    raw = files.read_yaml(Path("params.yaml"))
    sweeping.write(Path("params.yaml"), raw | {"prepare": raw["prepare"] | {"validation_fraction": 0}})
    with pytest.raises(InputError, match=r"prepare\.validation_fraction is 0, but a sweep chooses by validation"):
        some_plan()
    sweeping.write(Path("params.yaml"), raw)
    lock = {"cmd": "", "params": {"params.yaml": {"prepare": raw["prepare"] | {"seed": 7}}}}
    sweeping.write(Path("dvc.lock"), {"stages": {"prepare": lock}})
    with pytest.raises(InputError, match=r"not what params.yaml asks for \(prepare\): `dvc repro prepare`"):
        some_plan()
    shutil.rmtree(paths.TRAIN)
    with pytest.raises(InputError, match=r"train is missing: `dvc repro prepare` makes it"):
        some_plan()


NUMBERS = strategies.integers(1, 9)
DIMENSIONS: dict[str, strategies.SearchStrategy[Any]] = {
    "blocks.0.filters.0": strategies.lists(NUMBERS, min_size=1, max_size=4, unique=True),
    "blocks.1.filters": strategies.lists(
        strategies.lists(NUMBERS, min_size=1, max_size=3), min_size=1, max_size=3, unique_by=tuple
    ),
    "blocks.1.kernel_size": strategies.just({"low": 1, "high": 5, "step": 2}),
    "blocks.0.pool": strategies.just(["max", "none"]),
    "dense.0.dropout": strategies.just({"low": 0.0, "high": 0.9, "step": 0.3}),
    "train.optimizer": strategies.just(SPACE["train.optimizer"]),
    "train.optimizer.momentum": strategies.just(SPACE["train.optimizer.momentum"]),
    "train.optimizer.learning_rate": strategies.floats(1e-5, 0.1).map(
        lambda low: {"low": low, "high": 3 * low, "log": True}
    ),
    "train.augmentation.rotation_range": strategies.just({"low": 0.0, "high": 180.0}),
    "train.early_stopping": strategies.just([None, {"patience": 1}]),
}


@given(
    strategies.sets(strategies.sampled_from(list(DIMENSIONS)), min_size=1),
    strategies.data(),
    strategies.sampled_from(["tpe", "random"]),
    strategies.integers(0, 2**31 - 1),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_every_trial_of_a_space_whose_corners_pass_is_a_model_that_params_may_hold(
    keys: set[str], data: strategies.DataObject, sampler: str, seed: int
) -> None:
    if "train.optimizer.momentum" in keys:  # which has a condition
        keys |= {"train.optimizer"}
    varied = {key: data.draw(DIMENSIONS[key]) for key in DIMENSIONS if key in keys}
    described = sweep(space=varied, sampler=sampler, seed=seed)
    space.check(RAW, described, "some", "sweeps/some.yaml", (8, 8, 1))
    known: list[Trial] = []
    for number in range(12):
        values = sampling.ask(RAW, described, known)
        if values is None:
            break
        assert values not in [other.values for other in known]
        params = space.validated(RAW, described, "some", values)
        assert isinstance(params, Params)
        assert ("train.optimizer.momentum" in values) <= (params.models["some"].train.optimizer.name == "sgd")
        known.append(trial(number, seed % (number + 7) / 20, values=values))
    assert known


def history(described: Sweep, count: int) -> list[Trial]:
    known: list[Trial] = []
    for number in range(count):
        values = sampling.ask(RAW, described, known)
        assert values is not None
        state = FAILED if number == 3 else PRUNED if number == 5 else RUNNING if number == 12 else COMPLETE
        known.append(trial(number, values["blocks.0.filters.0"] / 10, state, values=values))
    return known


def test_what_is_asked_follows_from_seed_and_history_alone() -> None:
    known = history(sweep(), 14)
    assert history(sweep(), 14) == known
    assert [sampling.ask(RAW, sweep(), known[:count]) for count in range(14)] == [trial.values for trial in known]
    assert history(sweep(seed=7), 3) != known[:3]


def test_sampling_learns_from_history() -> None:
    varied = {"blocks.0.filters.0": {"low": 1, "high": 200}}
    known: list[Trial] = []
    for number in range(40):
        values = sampling.ask(RAW, sweep(space=varied), known)
        assert values is not None
        known.append(trial(number, values["blocks.0.filters.0"] / 200, values=values))
    late = [one.values["blocks.0.filters.0"] for one in known[20:]]
    assert sum(late) / len(late) > 150


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_space_is_tried_whole_and_nothing_twice(sampler: str) -> None:
    varied = {"blocks.0.filters.0": [2, 4], "train.batch_size": {"low": 8, "high": 24, "step": 8}}
    known: list[Trial] = []
    while values := sampling.ask(RAW, sweep(space=varied, sampler=sampler), known):
        known.append(trial(len(known), values=values))
    found = [tuple(one.values.values()) for one in known]
    assert sorted(found) == list(itertools.product([2, 4], [8, 16, 24]))


def test_a_trial_below_the_median_of_five_is_pruned() -> None:
    known = [trial(number, epochs=[0.1 * number, 0.2 * number]) for number in range(5)]
    described = sweep(pruner="median")
    assert sampling.prunes(described, known, trial(5, state=RUNNING, epochs=[0.1]))
    assert not sampling.prunes(described, known, trial(5, state=RUNNING, epochs=[0.3]))
    assert not sampling.prunes(described, known[:4], trial(5, state=RUNNING, epochs=[0.1]))
    assert not sampling.prunes(sweep(), known, trial(5, state=RUNNING, epochs=[0.1]))
    by_loss = sweep(pruner="median", maximise=None, minimise=LOSS)
    assert sampling.prunes(by_loss, known, trial(5, state=RUNNING, epochs=[0.3]))


def test_the_front_is_what_no_trial_beats() -> None:
    def sized(number: int, accuracy: float, parameters: int) -> Trial:
        return trial(number, scores={ACCURACY: accuracy, PARAMETERS: parameters})

    known = [sized(0, 0.9, 100), sized(1, 0.8, 50), sized(2, 0.8, 60), sized(3, 0.9, 100), sized(4, 0.7, 10)]
    both = sweep(minimise=PARAMETERS)
    assert [one.number for one in trials.best(both, [*known, trial(5, state=FAILED)])] == [0, 1, 4]
    assert [one.number for one in trials.best(sweep(), known)] == [0]


@pytest.mark.parametrize(
    "path", [ROOT / "params.yaml", *sorted((ROOT / "recipes").rglob("*.yaml"))], ids=lambda p: p.stem
)
def test_a_model_is_added_and_replaced_without_touching_another_line(path: Path) -> None:
    made = {"blocks": [{"filters": [3, 5], "padding": ["same", "valid"]}], "train": {"epochs": 3, "augmentation": None}}
    other = made | {"dense": [{"units": 7}]}
    before = path.read_text()
    after = applying.with_model(before, "new-1", made)
    raw = files.parse_yaml(before, str(path))
    assert files.parse_yaml(after, str(path)) == space.with_model(raw, "new-1", made)
    lines, kept = after.splitlines(), iter(after.splitlines())
    assert all(line in kept for line in before.splitlines())  # in their order
    assert len(lines) == len(before.splitlines()) + 7
    again = applying.with_model(after, "new-1", other)
    assert files.parse_yaml(again, str(path)) == space.with_model(raw, "new-1", other)
    assert applying.with_model(again, "new-1", made) == after


def test_the_best_is_applied_with_comments_kept_and_has_the_trials_fingerprint(folder: Path) -> None:
    Path("params.yaml").write_text("# mine\n" + Path("params.yaml").read_text())
    planned = some_plan()
    with pytest.raises(
        InputError, match=r"no trial is complete: `python -m pipeline sweep sweeps/some.yaml` runs them"
    ):
        applying.apply(planned, None)
    values = [sampling.ask(planned.raw, planned.sweep, []), {"blocks.0.filters.0": 8}]
    known = [
        trial(
            number, 0.5 + number / 10, values=one, fingerprint=planned.fingerprint(one or {}), threads=99 * (1 - number)
        )
        for number, one in enumerate(values)
    ]
    trials.write("some", planned.identity, known)
    told = applying.apply(planned, None)
    assert told == "params.yaml: models.small_some is trial 1 now (validation.accuracy 0.6): `dvc repro` trains it"
    assert Path("params.yaml").read_text().startswith("# mine\n")
    assert fingerprints.of_stage("train@small_some-42") == known[1].fingerprint
    told = applying.apply(some_plan(), 0)  # in the place of the one before; the sweep goes on as it was
    assert told.endswith("trial 0 now (validation.accuracy 0.5): `TF_NUM_INTRAOP_THREADS=99 dvc repro` trains it")
    assert fingerprints.of_stage("train@small_some-42") == known[0].fingerprint
    with pytest.raises(InputError, match="trial 7 is not complete: 0, 1 are"):
        applying.apply(some_plan(), 7)
    mine = files.read_yaml(Path("params.yaml"))
    mine["models"]["small_some"] = copy.deepcopy(SMALL) | {"dense": []}
    sweeping.write(Path("params.yaml"), mine)
    with pytest.raises(
        InputError, match=r"models.small_some is no trial of this sweep: rename it, or the sweep's file"
    ):
        applying.apply(some_plan(), None)


def test_trials_of_another_space_model_or_data_are_refused(folder: Path) -> None:
    planned = some_plan()
    trials.write("some", planned.identity, [trial(0)])
    assert trials.read("some", planned.identity) == [trial(0)]
    assert some_plan(trials=9, at_once=2, minutes=3.5).identity == planned.identity
    other = some_plan(seed=1)
    with pytest.raises(
        InputError, match=r"trials.json: the search space, the model, .* or delete .sweeps/some to begin"
    ):
        trials.read("some", other.identity)
    raw = files.read_yaml(Path("params.yaml"))
    raw["train"]["batch_size"] = 16
    sweeping.write(Path("params.yaml"), raw)
    assert some_plan().identity != planned.identity


def test_two_processes_do_not_drive_one_sweep(folder: Path) -> None:
    some_plan()
    command = [sys.executable, "-m", "pipeline", "sweep", "sweeps/some.yaml"]
    with trials.alone("some"):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"DVC_ROOT": ""})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: .sweeps/some: another process is at this sweep: wait for it, or end it\n"


@pytest.mark.parametrize("name", ["filters", "fast"])
def test_sweeps_that_come_along_fit_their_params(name: str) -> None:
    path = ROOT / "sweeps" / f"{name}.yaml"
    params = ROOT / ("recipes/fast.yaml" if name == "fast" else "params.yaml")
    raw = files.read_yaml(params)
    space.check(raw, read_sweep(path), "some", str(path), (28, 28, 1))
    assert loading.load(params).prepare.validation_fraction


def test_a_picture_shows_a_key_wherever_a_trial_has_it_and_numbers_in_their_places(folder: Path) -> None:
    from pipeline.addons.sweep import figure as sweeps

    varied = {key: SPACE[key] for key in ("train.optimizer", "train.optimizer.momentum")}
    planned = some_plan(space=varied | {"train.early_stopping": [None, {"patience": 1}]})
    adam, sgd = SPACE["train.optimizer"]
    values = [
        {"train.optimizer": adam, "train.early_stopping": None},
        {"train.optimizer": sgd, "train.optimizer.momentum": 0.7, "train.early_stopping": {"patience": 1}},
        {"train.optimizer": sgd, "train.optimizer.momentum": 0.55, "train.early_stopping": None},
    ]
    table = report.frame(planned, [trial(number, values=one) for number, one in enumerate(values)])
    figure = sweeps.slices(table, list(planned.sweep.space), ACCURACY)
    places = {axes.get_title(): np.asarray(axes.collections[0].get_offsets())[:, 0] for axes in figure.axes[:3]}
    assert places["train.optimizer"].tolist() == [0, 1, 1]
    assert places["train.optimizer.momentum"].tolist() == [0.7, 0.55]
    assert places["train.early_stopping"].tolist() == [0, 1, 0]


def test_a_report_tells_every_trial_and_what_its_scores_depend_on(folder: Path) -> None:
    planned = some_plan(trials=8, minimise=PARAMETERS)
    known = history(planned.sweep, 8)
    assert report.line(planned, known, known[3], 4, 200) == (
        f"trial 3: {space.told(known[3].values)}; failed: None; 0 s; front: "
        + ", ".join(str(one.number) for one in trials.best(planned.sweep, known))
        + "; 4 left; about 3 min"
    )
    made = report.write(planned, known, Path("report"))
    assert [path.name for path in made] == ["README.md", "history.png", "front.png", "importance.png", "slices.png"]
    text = made[0].read_text()
    assert all(f"| {one.number} " in text for one in known)
    assert all(f"]({path.name})" in text for path in made[1:])
    before = {path: path.read_bytes() for path in made}
    report.write(planned, known, Path("report"))
    assert {path: path.read_bytes() for path in made} == before
