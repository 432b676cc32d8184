"""Search spaces, what is asked next, and what is written into params.yaml; test_sweep_trials.py trains."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings, strategies
from optuna.trial import FrozenTrial

from pipeline.addons.sweep import applying, plan, report, trials
from pipeline.addons.sweep.definition import ACCURACY, LOSS, PARAMETERS, Sweep
from pipeline.addons.sweep.definition import load as read_sweep
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, RUNNING
from pipeline.base import files, processor
from pipeline.base.errors import InputError
from pipeline.config.schema import Params
from pipeline.tracking import fingerprints, paths
from tests import sweeping
from tests.conftest import ROOT
from tests.sweeping import SMALL

RAW = files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"models": {"small": SMALL}, "gate": {}}
SPACE: dict[str, Any] = {
    "blocks.0.filters.0": [2, 4, 8],
    "train.optimizer": [{"name": "adam", "learning_rate": 0.001}, {"name": "sgd", "learning_rate": 0.01}],
    "train.optimizer.learning_rate": {"low": 0.0001, "high": 0.1, "log": True},
    "train.batch_size": {"low": 8, "high": 32, "step": 8},
}


def content(**changes: Any) -> dict[str, Any]:
    """Return what a sweep's file says; None leaves a key out."""
    whole = {"model": "small", "space": SPACE, "trials": 12} | changes
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
    found = trials.ask(WithoutData(Path("sweeps/some.yaml"), described, RAW, (8, 8, 1)), memory(described, known))
    return trials.values(described, found) if found else None


class WithoutData(plan.Plan):
    """A plan of which no data is on disk."""

    def fingerprint(self, values: plan.Values) -> str:
        return "f"


def trial(
    described: Sweep,
    values: dict[str, Any],
    accuracy: float = 0.5,
    parameters: int = 100,
    state: Any = COMPLETE,
    epochs: Sequence[float] = (),
    **attributes: Any,
) -> FrozenTrial:
    """Make a trial of a study's as `trials.tell` leaves it."""
    coded = {key: json.dumps(value) if described.space[key].choices else value for key, value in values.items()}
    measured = {ACCURACY: accuracy, LOSS: 1 - accuracy, PARAMETERS: parameters} if state == COMPLETE else {}
    known = {"fingerprint": "f", "scores": measured, "seconds": 0.0, "threads": 0, "reason": None} | attributes
    return optuna.trial.create_trial(
        state=state,
        value=measured.get(described.objective),
        params=coded,
        distributions={key: described.space[key].distribution() for key in values},
        user_attrs=known,
        intermediate_values=dict(enumerate(epochs, 1)),
    )


def memory(described: Sweep, known: list[FrozenTrial]) -> optuna.Study:
    """Make a study in memory, its trials numbered in order."""
    made = optuna.create_study(direction=described.direction)
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
        ({"trials": None}, "trials is missing"),
        ({"objective": "test.accuracy"}, "objective: 'test.accuracy': input should be 'validation.accuracy' or "),
        ({"model": "huge"}, "model: params.yaml has no huge, only small"),
        ({"at_once": 0}, "at_once: 0: input should be greater than 0"),
        ({"space": {}}, "space: {}: "),
        ({"space": {"train.epochs": []}}, "space.train.epochs: []: list should have at least 1 item"),
        ({"space": {"train.epochs": [1, 2, 1]}}, "space.train.epochs: 1 stands there twice: name it once"),
        ({"space": {"train.epochs": {"low": 3, "high": 1}}}, "space.train.epochs: give a list of choices, or a low"),
        ({"space": {"train.epochs": {"choices": [1], "high": 1}}}, "space.train.epochs: give a list of choices, or"),
        ({"space": {"train.epochs": {"low": 0, "high": 1, "log": True}}}, "space.train.epochs: `low >= 1` must hold"),
        ({"space": {"dense.0.dropout": {"low": 0.1, "high": 1.0, "log": True, "step": 0.1}}}, "space.dense.0.dropout:"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(folder: Path, changes: dict[str, Any], line: str) -> None:
    assert refused(**changes).startswith(line)


@pytest.mark.parametrize(
    ("varied", "line"),
    [
        ({"train.epochs": [1, 0]}, "with train.epochs 0: params.yaml: models.small_some.train.epochs: 0: input should"),
        ({"train.optimiser": [1]}, "with train.optimiser 1: params.yaml: models.small_some.train: optimiser is unk"),
        ({"blocks.2.filters": [[4]]}, "space.blocks.2.filters: the model has no such place"),
        ({"dense.0.units.0": [4]}, "space.dense.0.units.0: the model has no such place"),
        ({"train": [1], "train.epochs": [4]}, "space.train.epochs: the model has no such place"),
        (
            {"blocks.1.padding": ["valid"], "blocks.1.kernel_size": {"low": 1, "high": 29}},
            "with blocks.1.padding valid, blocks.1.kernel_size 29: models.small_some.blocks.1: ",
        ),
    ],
)
def test_a_value_that_no_model_can_have_is_refused_in_one_line(folder: Path, varied: dict[str, Any], line: str) -> None:
    assert refused(space=varied).startswith(line)


def test_what_is_not_prepared_or_of_other_params_is_refused(folder: Path) -> None:
    raw = files.read_yaml(Path("params.yaml"))
    sweeping.write(Path("params.yaml"), raw | {"prepare": raw["prepare"] | {"validation_fraction": 0}})
    with pytest.raises(InputError, match=r"prepare\.validation_fraction is 0, but a sweep chooses by validation"):
        some_plan()
    sweeping.write(Path("params.yaml"), raw)
    lock = {"cmd": "", "params": {"params.yaml": {"prepare": raw["prepare"] | {"seed": 7}}}}
    sweeping.write(Path("dvc.lock"), {"stages": {"prepare": lock}})
    with pytest.raises(InputError, match=r"^params.yaml:prepare changed since .*: run `dvc repro prepare`$"):
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
    "train.optimizer.learning_rate": strategies.floats(1e-5, 0.1).map(
        lambda low: {"low": low, "high": 3 * low, "log": True}
    ),
    "train.augmentation.rotation_range": strategies.just({"low": 0.0, "high": 180.0}),
    "train.early_stopping": strategies.just([None, {"patience": 1}]),
}


@given(
    strategies.sets(strategies.sampled_from(list(DIMENSIONS)), min_size=1),
    strategies.data(),
    strategies.integers(0, 2**31 - 1),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_every_trial_is_a_model_that_params_may_hold_and_none_is_tried_twice(
    keys: set[str], data: strategies.DataObject, seed: int
) -> None:
    varied = {key: data.draw(DIMENSIONS[key]) for key in DIMENSIONS if key in keys}
    described = sweep(space=varied, seed=seed)
    planned = plan.Plan(Path("sweeps/some.yaml"), described, RAW, (8, 8, 1))
    known: list[FrozenTrial] = []
    for number in range(12):
        values = sampled(described, known)
        if values is None:
            break
        assert values not in [trials.values(described, other) for other in known]
        assert isinstance(planned.params(values), Params)
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


def test_a_space_is_tried_whole_and_nothing_twice() -> None:
    varied = {"blocks.0.filters.0": [2, 4], "dense.0.dropout": {"low": 0.1, "high": 0.3, "step": 0.1}}
    described, known = sweep(space=varied), list[FrozenTrial]()
    while values := sampled(described, known):
        known.append(trial(described, values))
    found = [tuple(trials.values(described, one).values()) for one in known]
    assert sorted(found) == list(itertools.product([2, 4], [0.1, 0.2, 0.3]))


def test_a_trial_below_the_median_of_five_is_pruned() -> None:
    described = sweep(pruner="median")
    known = [trial(described, {}, epochs=[0.1 * number, 0.2 * number]) for number in range(5)]
    assert trials.prunes(described, known, [0.1])
    assert not trials.prunes(described, known, [0.3])
    assert not trials.prunes(described, known[:4], [0.1])
    assert not trials.prunes(sweep(), known, [0.1])
    by_loss = sweep(pruner="median", objective=LOSS)
    assert trials.prunes(by_loss, known, [0.3])


@pytest.mark.parametrize(("objective", "order"), [(ACCURACY, [1, 3, 2, 0]), (LOSS, [1, 3, 2, 0])])
def test_complete_trials_are_ranked_by_the_objective_and_of_equals_the_first(objective: str, order: list[int]) -> None:
    described = sweep(objective=objective)
    known = [trial(described, {}, accuracy) for accuracy in (0.7, 0.9, 0.8, 0.9)]
    study = memory(described, [*known, trial(described, {}, state=FAILED)])
    assert [one.number for one in trials.ranked(study)] == order


@pytest.mark.parametrize(
    "path", [ROOT / "params.yaml", *sorted((ROOT / "recipes").rglob("*.yaml"))], ids=lambda p: p.stem
)
def test_a_model_is_added_without_touching_another_line(path: Path) -> None:
    made = {"blocks": [{"filters": [3, 5], "padding": ["same", "valid"]}], "train": {"epochs": 3, "augmentation": None}}
    before = path.read_text()
    after = applying.with_model(before, "new-1", made)
    raw = files.parse_yaml(before, str(path))
    assert files.parse_yaml(after, str(path)) == raw | {"models": raw["models"] | {"new-1": made}}
    kept = iter(after.splitlines())
    assert all(line in kept for line in before.splitlines())  # in their order


def test_the_best_is_applied_with_comments_kept_and_has_the_trials_fingerprint(folder: Path) -> None:
    Path("params.yaml").write_text("# mine\n" + Path("params.yaml").read_text())
    planned = some_plan()
    with pytest.raises(
        InputError, match=r"no trial is complete: `python -m pipeline sweep sweeps/some.yaml` runs them"
    ):
        applying.apply(planned, memory(planned.sweep, []), None)
    values = [sampled(planned.sweep, []) or {}]
    values.append(values[0] | {"blocks.0.filters.0": 2 if values[0]["blocks.0.filters.0"] > 2 else 4})
    prints, threads = [planned.fingerprint(one) for one in values], [99, processor.threads()]
    known = memory(
        planned.sweep,
        [
            trial(planned.sweep, one, 0.5 + number / 10, fingerprint=prints[number], threads=threads[number])
            for number, one in enumerate(values)
        ],
    )
    before = Path("params.yaml").read_text()
    told = applying.apply(planned, known, None)
    assert told == "params.yaml: models.small_some is trial 1 now (validation.accuracy 0.6): `dvc repro` trains it"
    assert Path("params.yaml").read_text().startswith("# mine\n")
    assert fingerprints.of_stage("train@small_some-42") == prints[1]
    with pytest.raises(InputError, match=r"has models.small_some already: remove it there, or rename the sweep's file"):
        applying.apply(some_plan(), known, 0)
    Path("params.yaml").write_text(before)
    told = applying.apply(some_plan(), known, 0)
    assert told.endswith("trial 0 now (validation.accuracy 0.5): `TF_NUM_INTRAOP_THREADS=99 dvc repro` trains it")
    assert fingerprints.of_stage("train@small_some-42") == prints[0]
    with pytest.raises(InputError, match="--apply 7: no complete trial has this number; the best is 1"):
        applying.apply(planned, known, 7)


def test_trials_of_another_space_model_or_data_are_refused(folder: Path) -> None:
    planned = some_plan()
    with trials.opened(planned) as known:
        known.add_trial(trial(planned.sweep, {"blocks.0.filters.0": 8}, epochs=[0.1, 0.2]))
    with trials.opened(some_plan(trials=9, at_once=2)) as again:
        (one,) = again.trials
    assert (one.params, one.intermediate_values) == ({"blocks.0.filters.0": "8"}, {1: 0.1, 2: 0.2})
    other = some_plan(seed=1)
    with (
        pytest.raises(InputError, match=r"the search space, the model, .* or delete .sweeps/some to begin"),
        trials.opened(other),
    ):
        pass
    raw = files.read_yaml(Path("params.yaml"))
    raw["train"]["batch_size"] = 16
    sweeping.write(Path("params.yaml"), raw)
    assert some_plan().identity() != planned.identity()


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
    with pytest.raises(InputError, match=r"train changed since .*: run `dvc repro prepare`$"):
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
    planned = plan.Plan(path, read_sweep(path), raw, (28, 28, 1))
    planned.check()


def test_a_report_tells_every_trial_and_what_its_scores_depend_on(folder: Path) -> None:
    planned = some_plan(trials=9)
    known = memory(planned.sweep, history(planned.sweep, 8))
    best = known.best_trial
    assert report.line(planned, known, known.trials[3]) == (
        f"trial 3: {plan.told(trials.values(planned.sweep, known.trials[3]))}; failed; 0 s; "
        f"best: validation.accuracy {best.value:.4g} (trial {best.number}); 8 of 9 done"
    )
    table = report.table(planned, known)
    assert set(table["trial"]) == {str(one.number) for one in known.trials}
    assert table["trial"][0] == str(best.number)
