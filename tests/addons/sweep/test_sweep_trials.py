"""Real trials of a tiny network, in this process; test_sweep_survival.py kills them."""

import errno
import os
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial

from pipeline.addons.ray import connection
from pipeline.addons.sweep import command, plan, train, trials
from pipeline.addons.sweep.definition import LOSS
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, RUNNING
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.tracking import description, journals, sending
from pipeline.tracking.journals import Journal
from tests import sweeping
from tests.addons.sweep.test_sweeps import some_plan, trial


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    sweeping.prepare(tmp_path)
    return tmp_path


def planned(**changes: Any) -> plan.Plan:
    return some_plan(**({"space": {"train.epochs": [1, 2]}, "trials": 2} | changes))


def run(planned: plan.Plan, told: Any = lambda ended: None) -> list[FrozenTrial]:
    with trials.opened(planned) as study:
        for job in command.left(planned, study, "sweep"):
            trials.tell(planned, study, job.trial.number, train.train(job))
            told(study.trials[job.trial.number])
        return study.trials


def without_times(known: list[FrozenTrial]) -> list[Any]:
    """Return all of trials that is the same in each run."""
    told = [dict(one.user_attrs) for one in known]
    for each in told:
        del each["seconds"]
    facts = [(one.number, one.state, one.values, one.params, one.intermediate_values) for one in known]
    return list(zip(facts, told, strict=True))


def test_a_trial_whose_loss_is_no_number_fails_and_the_sweep_goes_on(folder: Path) -> None:
    some = planned(space={"train.optimizer.learning_rate": [1e30, 0.01]})
    known = run(some)
    failed, complete = sorted(known, key=lambda one: one.state == COMPLETE)
    assert [one.state for one in (failed, complete)] == [FAILED, COMPLETE]
    assert failed.user_attrs["reason"].startswith("the loss in epoch 1 is nan in training")
    assert complete.user_attrs["scores"]["parameters"] > 0
    states = {Journal.read(path).tags["sweep.trial"]: Journal.read(path) for path in journals.folders()}
    records = [states[str(one.number)] for one in (failed, complete)]
    assert [one.status for one in records] == ["FAILED", "FINISHED"]
    assert [one.tags["sweep.state"] for one in records] == ["failed", "complete"]


def test_a_pruned_trial_is_marked_and_comes_to_the_same_end_if_broken_off(folder: Path) -> None:
    some = planned(pruner="median")
    good = [trial(some.sweep, {}, epochs=[1.0, 1.0]) for _ in range(5)]
    values = {"train.epochs": 2}
    one = trial(some.sweep, values, state=RUNNING, fingerprint=some.fingerprint(values))
    job = train.Job(some, one, good, "sweep")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.train(job, interrupt)
    ended = train.train(job)
    assert (ended.state, len(ended.epochs), ended.scores) == (PRUNED, 1, {})
    journal = Journal.read(journals.folders()[-1])
    assert (journal.status, journal.tags["sweep.state"]) == ("KILLED", "pruned")
    assert len(journals.folders()) == 1


def test_a_sweep_broken_off_anywhere_ends_as_one_that_was_not(folder: Path) -> None:
    some = planned(space={"blocks.0.filters.0": [2, 3, 4], "train.epochs": [1, 2]}, trials=2)
    whole = run(some)
    for path in (folder / ".runs", trials.folder("some")):
        path.rename(path.with_name("whole"))

    def interrupt(ended: FrozenTrial) -> None:
        raise KeyboardInterrupt

    for _ in whole:
        with pytest.raises(KeyboardInterrupt):
            run(some, interrupt)
    again = run(some)
    assert without_times(again) == without_times(whole)
    assert run(some) == again
    with trials.opened(some) as study:
        best = trials.ranked(study)[:1]
    kept = {path.parts[-3] for path in (folder / ".runs").glob("*/*/state.npz")}
    assert kept == {one.user_attrs["fingerprint"] for one in best}


def test_a_full_disk_ends_the_sweep_and_loses_no_trial(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = planned(space={"train.epochs": [1, 2]})
    write, full = files.write_arrays, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "state.npz")

    def refuse(path: Path, arrays: files.Arrays) -> None:
        if "COMPLETE" in told:
            raise full
        write(path, arrays)

    told: list[str] = []
    monkeypatch.setattr(files, "write_arrays", refuse)
    with pytest.raises(OSError, match="No space left"):
        run(some, lambda ended: told.append(ended.state.name))
    with trials.opened(some) as study:
        assert [one.state for one in study.trials] == [COMPLETE, RUNNING]
    monkeypatch.setattr(files, "write_arrays", write)
    assert [one.state for one in run(some)] == [COMPLETE, COMPLETE]


def test_a_sweep_killed_while_it_keeps_a_trial_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some, tell = planned(pruner="median"), optuna.Study.tell

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna.Study, "tell", killed)  # its epochs are kept then, its state is not
    with pytest.raises(KeyboardInterrupt):
        run(some)
    monkeypatch.setattr(optuna.Study, "tell", tell)
    assert [one.state for one in run(some)] == [COMPLETE, COMPLETE]


def test_values_that_are_no_model_together_fail_their_trial_alone(folder: Path) -> None:
    space = {"train.epochs": [1], "blocks.1.padding": ["same", "valid"], "blocks.1.kernel_size": [1, 13]}
    some = planned(space=space, trials=4)
    known = {tuple(trials.values(some.sweep, one).values()): one for one in run(some)}
    failed = known.pop((1, "valid", 13))
    assert failed.state == FAILED
    assert "blocks.1: the 2 × 2 pool does not fit a map of 1 × 1" in failed.user_attrs["reason"]
    assert [one.state for one in known.values()] == [COMPLETE] * 3


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1:1", r"\[Errno \d+\] Connection refused"),
        ("somewhere", "invalid literal for int"),
        ("ray://127.0.0.1:10001", r"\[Errno -?\d+\] "),
    ],
)
def test_a_cluster_that_is_not_there_is_one_line(address: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr("pipeline.addons.find_spec", lambda name: name)  # it is not asked for before there is an answer
    with (
        pytest.raises(InputError, match=rf"^RAY_ADDRESS {address} is not reached \({reason}.*\): start the cluster"),
        connection.connected(),
    ):
        pass


def test_trials_are_children_of_their_sweeps_run_and_the_pruned_are_marked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/runs.db")
    (folder / "runs.db").write_bytes(empty_database.read_bytes())
    some = planned()
    with journals.opened(plan.described(some), recorded=False) as sweep:
        described = description.of_training(some.params({}), some.training, "f" * 64)
        described.tags["sweep.run"] = sweep.training
        with journals.opened(described, recorded=False) as journal:
            sending.push_all()
            journal.tag({"sweep.state": "pruned"})
            journal.set_status("KILLED")
    sending.push_all()
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{folder}/runs.db")
    found = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    parent, child = sorted(found, key=lambda run: "mlflow.parentRunId" in run.data.tags)
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (child.data.tags["sweep.state"], child.info.status, parent.info.status) == ("pruned", "KILLED", "FINISHED")
    assert parent.data.params["sweep.train.epochs"] == "[1, 2]"
    assert LOSS not in parent.data.metrics
