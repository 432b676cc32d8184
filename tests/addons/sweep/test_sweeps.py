"""Search spaces, what is asked next, and what is written into params.yaml; test_sweep_trials.py trains."""

import copy
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import HealthCheck, given, settings, strategies
from optuna.trial import FrozenTrial

from pipeline.addons.sweep import applying, plan, report, space, trials
from pipeline.addons.sweep.definition import ACCURACY, LOSS, PARAMETERS, Sweep
from pipeline.addons.sweep.definition import load as read_sweep
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, RUNNING
from pipeline.base import files, processor
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


def sampled(described: Sweep, known: list[FrozenTrial]) -> dict[str, Any] | None:
    """Return the values that are tried next."""
    found = trials.sampled(RAW, described, known)
    return trials.values(described, found) if found else None


def trial(
    described: Sweep,
    values: dict[str, Any],
    accuracy: float = 0.5,
    parameters: int = 100,
    state: Any = COMPLETE,
    epochs: Sequence[float] = (),
    **attributes: Any,
) -> FrozenTrial:
    """Make a trial of a study's as `driver` leaves it."""
    coded = {key: json.dumps(value) if described.space[key].choices else value for key, value in values.items()}
    made = optuna.create_study()
    made.enqueue_trial(coded)
    asked = made.ask()
    for key in values:
        trials.suggested(asked, key, described.space[key])
    measured = {ACCURACY: accuracy, LOSS: 1 - accuracy, PARAMETERS: parameters} if state == COMPLETE else {}
    known = {"fingerprint": "f", "scores": measured, "seconds": 0.0, "threads": 0, "reason": None} | attributes
    return optuna.trial.create_trial(
        state=state,
        values=[measured[name] for name in described.objectives] if measured else None,
        params=asked.params,
        distributions=asked.distributions,
        user_attrs=known,
        intermediate_values=dict(enumerate(epochs, 1)),
    )


def study(described: Sweep, known: list[FrozenTrial]) -> optuna.Study:
    """Make a study in memory, its trials numbered in order."""
    made = optuna.create_study(directions=list(described.objectives.values()))
    made.add_trials(known)
    return made


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
        ({"space": {"train.epochs": {"choices": [1], "low": 1}}}, "space.train.epochs: give choices, or low and high"),
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
    with pytest.raises(InputError, match=r"not what params.yaml:prepare asks for: `dvc repro prepare`"):
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
    planned = plan.Plan(Path("sweeps/some.yaml"), described, RAW, loading.validate(RAW))
    planned.check((8, 8, 1))
    known: list[FrozenTrial] = []
    for number in range(12):
        values = sampled(described, known)
        if values is None:
            break
        assert values not in [trials.values(described, other) for other in known]
        params = planned.params(values)
        assert isinstance(params, Params)
        assert ("train.optimizer.momentum" in values) <= (params.models["small_some"].train.optimizer.name == "sgd")
        known.append(trial(described, values, seed % (number + 7) / 20))
    assert known


def history(described: Sweep, count: int) -> list[FrozenTrial]:
    known: list[FrozenTrial] = []
    for number in range(count):
        values = sampled(described, known)
        assert values is not None
        state = FAILED if number == 3 else PRUNED if number == 5 else RUNNING if number == 12 else COMPLETE
        known.append(trial(described, values, values["blocks.0.filters.0"] / 10, state=state))
    return known


def test_what_is_sampled_follows_from_seed_and_history_alone() -> None:
    known = history(sweep(), 14)
    values = [trials.values(sweep(), one) for one in known]
    assert [trials.values(sweep(), one) for one in history(sweep(), 14)] == values
    assert [sampled(sweep(), known[:count]) for count in range(14)] == values
    assert [trials.values(sweep(), one) for one in history(sweep(seed=7), 3)] != values[:3]


def test_sampling_learns_from_history() -> None:
    described, known = sweep(space={"blocks.0.filters.0": {"low": 1, "high": 200}}), list[FrozenTrial]()
    for _ in range(40):
        values = sampled(described, known)
        assert values is not None
        known.append(trial(described, values, values["blocks.0.filters.0"] / 200))
    late = [one.params["blocks.0.filters.0"] for one in known[20:]]
    assert sum(late) / len(late) > 150


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_space_is_tried_whole_and_nothing_twice(sampler: str) -> None:
    varied = {"blocks.0.filters.0": [2, 4], "dense.0.dropout": {"low": 0.1, "high": 0.3, "step": 0.1}}
    described, known = sweep(space=varied, sampler=sampler), list[FrozenTrial]()
    while values := sampled(described, known):
        known.append(trial(described, values))
    found = [tuple(trials.values(described, one).values()) for one in known]
    assert sorted(found) == list(itertools.product([2, 4], [0.1, 0.2, 0.3]))


def test_a_grid_tries_each_combination_that_its_conditions_leave() -> None:
    varied = {
        "train.optimizer": SPACE["train.optimizer"],
        "train.optimizer.momentum": {"low": 0.5, "high": 0.9, "step": 0.2, "when": {"train.optimizer.name": "sgd"}},
    }
    described, known = sweep(space=varied, sampler="grid"), list[FrozenTrial]()
    while values := sampled(described, known):
        known.append(trial(described, values))
    momenta = [trials.values(described, one).get("train.optimizer.momentum") for one in known]
    assert sorted(momenta, key=str) == [0.5, 0.7, 0.9, None]


def test_a_trial_below_the_median_of_five_is_pruned() -> None:
    described = sweep(pruner="median")
    known = [trial(described, {}, epochs=[0.1 * number, 0.2 * number]) for number in range(5)]
    assert trials.prunes(described, known, [0.1])
    assert not trials.prunes(described, known, [0.3])
    assert not trials.prunes(described, known[:4], [0.1])
    assert not trials.prunes(sweep(), known, [0.1])
    by_loss = sweep(pruner="median", maximise=None, minimise=LOSS)
    assert trials.prunes(by_loss, known, [0.3])


def test_the_front_is_what_no_trial_beats() -> None:
    both = sweep(minimise=PARAMETERS)
    figures = [(0.9, 100), (0.8, 50), (0.8, 60), (0.9, 100), (0.7, 10)]
    known = [trial(both, {}, accuracy, parameters) for accuracy, parameters in figures]
    assert [one.number for one in trials.best(study(both, [*known, trial(both, {}, state=FAILED)]))] == [0, 3, 1, 4]
    known = [trial(sweep(), {}, accuracy) for accuracy, _ in figures]
    assert [one.number for one in trials.best(study(sweep(), known))] == [0]


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
        applying.apply(planned, study(planned.sweep, []), None)
    values = [sampled(planned.sweep, []) or {}, {"blocks.0.filters.0": 8}]
    prints = [planned.fingerprint(one) for one in values]
    threads = [99, processor.threads()]
    known = study(
        planned.sweep,
        [
            trial(planned.sweep, one, 0.5 + number / 10, fingerprint=prints[number], threads=threads[number])
            for number, one in enumerate(values)
        ],
    )
    told = applying.apply(planned, known, None)
    assert told == "params.yaml: models.small_some is trial 1 now (validation.accuracy 0.6): `dvc repro` trains it"
    assert Path("params.yaml").read_text().startswith("# mine\n")
    assert fingerprints.of_stage("train@small_some-42") == prints[1]
    told = applying.apply(some_plan(), known, 0)  # in the place of the one before; the sweep goes on as it was
    assert told.endswith("trial 0 now (validation.accuracy 0.5): `TF_NUM_INTRAOP_THREADS=99 dvc repro` trains it")
    assert fingerprints.of_stage("train@small_some-42") == prints[0]
    with pytest.raises(InputError, match="trial 7 is not complete: 0, 1 are"):
        applying.apply(some_plan(), known, 7)
    mine = files.read_yaml(Path("params.yaml"))
    mine["models"]["small_some"] = copy.deepcopy(SMALL) | {"dense": []}
    sweeping.write(Path("params.yaml"), mine)
    with pytest.raises(
        InputError, match=r"models.small_some is no trial of this sweep: rename it, or the sweep's file"
    ):
        applying.apply(some_plan(), known, None)


def test_trials_of_another_space_model_or_data_are_refused(folder: Path) -> None:
    planned = some_plan()
    with trials.opened(planned) as known:
        known.add_trial(trial(planned.sweep, {"blocks.0.filters.0": 8}, epochs=[0.1, 0.2]))
    with trials.opened(some_plan(trials=9, at_once=2, minutes=3.5)) as again:
        (one,) = again.trials
    assert (trials.values(planned.sweep, one), one.intermediate_values) == ({"blocks.0.filters.0": 8}, {1: 0.1, 2: 0.2})
    other = some_plan(seed=1)
    with (
        pytest.raises(InputError, match=r"the search space, the model, .* or delete .sweeps/some to begin"),
        trials.opened(other),
    ):
        pass
    raw = files.read_yaml(Path("params.yaml"))
    raw["train"]["batch_size"] = 16
    sweeping.write(Path("params.yaml"), raw)
    assert some_plan().identity != planned.identity


def test_what_a_kill_leaves_in_the_study_stops_nobody_and_a_damaged_one_is_named(folder: Path) -> None:
    planned, path, started = some_plan(), Path(".sweeps/some/trials.log"), time.monotonic()
    for count in range(3):
        with trials.opened(planned) as known:
            assert len(known.trials) == count
            known.add_trial(trial(planned.sweep, {"blocks.0.filters.0": 8}))
        path.write_bytes(path.read_bytes() + b'{"op_code":4,"wor')  # killed while it wrote, and held Optuna's lock
        Path(f"{path}.lock").symlink_to("trials.log")
    assert time.monotonic() - started < 30  # for which Optuna waits before it breaks such a lock
    path.write_bytes(path.read_bytes()[300:])
    damaged = pytest.raises(InputError, match=r"trials.log is damaged .*: delete .sweeps/some to begin anew")
    with damaged, trials.opened(planned):
        pass


def test_prepared_images_of_other_bytes_are_refused(folder: Path) -> None:
    outs = [
        {"path": str(path), "md5": fingerprints.md5(path)} for path in (paths.DATASET, paths.TRAIN, paths.VALIDATION)
    ]
    sweeping.write(Path("dvc.lock"), {"stages": {"prepare": {"cmd": "", "outs": outs}}})
    some_plan()
    content = bytearray((paths.TRAIN / "images.npy").read_bytes())
    content[len(content) // 2] ^= 1
    (paths.TRAIN / "images.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"train is damaged, .* dvc.lock: delete it and `dvc repro prepare`$"):
        some_plan()


def test_two_processes_do_not_drive_one_sweep(folder: Path) -> None:
    planned = some_plan()
    command = [sys.executable, "-m", "pipeline", "sweep", "sweeps/some.yaml"]
    with trials.opened(planned):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"DVC_ROOT": ""})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: .sweeps/some: another process is at this sweep: wait for it, or end it\n"


@pytest.mark.parametrize("name", ["filters", "fast"])
def test_sweeps_that_come_along_fit_their_params(name: str) -> None:
    path = ROOT / "sweeps" / f"{name}.yaml"
    params = ROOT / ("recipes/fast.yaml" if name == "fast" else "params.yaml")
    raw = files.read_yaml(params)
    planned = plan.Plan(path, read_sweep(path), raw, loading.load(params))
    planned.check((28, 28, 1))
    assert planned.base.prepare.validation_fraction


def test_a_picture_shows_a_key_wherever_a_trial_has_it_and_numbers_in_their_places(folder: Path) -> None:
    from pipeline.addons.sweep import figure

    varied = {key: SPACE[key] for key in ("train.optimizer", "train.optimizer.momentum")}
    planned = some_plan(space=varied | {"train.early_stopping": [None, {"patience": 1}]})
    adam, sgd = SPACE["train.optimizer"]
    values = [
        {"train.optimizer": adam, "train.early_stopping": None},
        {"train.optimizer": sgd, "train.optimizer.momentum": 0.7, "train.early_stopping": {"patience": 1}},
        {"train.optimizer": sgd, "train.optimizer.momentum": 0.55, "train.early_stopping": None},
    ]
    known = study(planned.sweep, [trial(planned.sweep, one) for one in values])
    table = report.frame(planned, known).drop(columns=["seconds", ""])
    drawn = figure.panels(table, planned.sweep.objectives, ACCURACY, [0], {})
    places = {axes.get_title(): np.asarray(axes.collections[0].get_offsets())[:, 0] for axes in drawn.axes[:4]}
    assert places["train.optimizer"].tolist() == [0, 1, 1]
    assert places["train.optimizer.momentum"].tolist() == [0.7, 0.55]
    assert places["train.early_stopping"].tolist() == [0, 1, 0]


def test_a_report_tells_every_trial_and_what_its_scores_depend_on(folder: Path) -> None:
    planned = some_plan(trials=9, minimise=PARAMETERS)
    known = study(planned.sweep, history(planned.sweep, 8))
    assert report.line(planned, known, known.trials[3]) == (
        f"trial 3: {space.told(trials.values(planned.sweep, known.trials[3]))}; failed: None; 0 s; front: "
        + ", ".join(str(one.number) for one in trials.best(known))
        + "; 1 left"
    )
    made = report.write(planned, known, Path("report"))
    assert [path.name for path in made] == ["README.md", "validation.accuracy.png", "parameters.png"]
    text = made[0].read_text()
    assert all(f"| {one.number} " in text for one in known.trials)
    assert all(f"]({path.name})" in text for path in made[1:])
    before = {path: path.read_bytes() for path in made}
    report.write(planned, known, Path("report"))
    assert {path: path.read_bytes() for path in made} == before
