import dataclasses
import shutil
from pathlib import Path
from threading import Event, Thread
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import PIL.Image
import pytest
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.network import saving
from pipeline.tracking import journals, sending, server, upload
from pipeline.tracking.journals import Journal
from tests.journals import IMAGES, artifacts, model_file, picture, points, row, training


def test_run_grows_while_it_trains_and_sending_again_changes_nothing(client: Any, tmp_path: Path) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        journal.log_epoch(row(1), 4)
        run_id = sending.push(client, journal.folder)
        journal.log_epoch(row(2), 4)
        assert sending.push_all() == 1
        live = client.get_run(run_id)
        assert live.info.status == "RUNNING"
        assert points(client, run_id) == [(1, 1.0), (2, 0.5)]
        journal.attach_training(model_file(tmp_path), [])
    for _ in range(2):
        assert sending.push(client, journal.folder) == run_id
        (journal.folder / "sent.md5").unlink()  # as if the process had died before it noted what it had sent
        journal.attach_training(tmp_path / "vgg.keras", [])
    done = client.get_run(run_id)
    assert (done.info.status, done.info.end_time) == ("FINISHED", journal.ended)
    assert points(client, run_id) == [(1, 1.0), (2, 0.5)]
    assert len(client.search_runs([done.info.experiment_id])) == 1
    assert len(done.outputs.model_outputs) == 1
    assert done.data.params["block1.filters"] == "8, 16"
    assert done.data.tags["mlflow.source.name"] == "train@vgg-42"
    for tag in ("fingerprint", "dvc.stage", "machine.processor", "machine.threads", "version.tensorflow"):
        assert done.data.tags[tag]


def test_model_predicts_the_same_and_knows_its_signature(client: Any, tmp_path: Path) -> None:
    import mlflow

    with journals.opened(training(tmp_path), False) as journal:
        journal.attach_training(model_file(tmp_path), [])
    run_id = sending.push(client, journal.folder)
    assert not (journal.folder / "files").exists()
    logged = mlflow.pyfunc.load_model(f"runs:/{run_id}/vgg")
    assert logged.metadata.signature.inputs.inputs[0].type == np.uint8
    assert logged.metadata.run_id == run_id
    expected = saving.load(tmp_path / "vgg.keras").predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(logged.predict(IMAGES), expected)


def test_files_have_the_same_path_in_every_run_and_are_replaced(client: Any, tmp_path: Path) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        for color in ("red", "green"):
            named = {"exports/litert/a.png": picture(tmp_path, "a.png", color)}
            journal.attach(named | {"network.png": picture(tmp_path, "network.png", color)})
            run_id = sending.push(client, journal.folder)
            (journal.folder / "sent.md5").unlink()
    assert artifacts(client, run_id) == ["exports", "network.png"]
    assert artifacts(client, run_id, "exports/litert") == ["exports/litert/a.png"]
    shown = PIL.Image.open(client.download_artifacts(run_id, "network.png"))
    assert np.asarray(shown)[9, 9].argmax() == 1  # green, the later one


def test_sending_that_is_killed_amid_the_files_goes_on(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        pictures = [picture(tmp_path, f"{name}.png", "red") for name in "abc"]
        journal.attach_training(model_file(tmp_path), pictures)
    for call in ("log_artifact", "log_model_artifacts", "set_terminated"):
        with monkeypatch.context() as killed:
            killed.setattr(mlflow.MlflowClient, call, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                sending.push(client, journal.folder)
    run_id = sending.push(client, journal.folder)
    (run,) = client.search_runs([server.experiment_id(client, "digits")])
    assert run.info.run_id == run_id
    assert artifacts(client, run_id) == ["a.png", "b.png", "c.png"]
    assert upload.whole_model(client, run)


def test_files_that_are_being_attached_are_not_removed_by_a_sending_that_ends(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, sender = files.write_bytes, Thread(target=lambda: sending.push(client, journal.folder))

    def write_and_send(path: Path, content: bytes) -> None:
        write(path, content)
        if path.name == "network.png":
            sender.start()
            sender.join(2)  # time enough to remove it

    with journals.opened(training(tmp_path), False) as journal:
        sending.push(client, journal.folder)
        monkeypatch.setattr(files, "write_bytes", write_and_send)
        journal.attach({"vgg-42/network.png": picture(tmp_path, "network.png", "red")})
        sender.join()
        assert artifacts(client, sending.push(client, journal.folder))


def test_killed_training_goes_on_in_the_same_run(client: Any, tmp_path: Path) -> None:
    def train(epoch: int) -> None:
        with journals.opened(training(tmp_path), False) as journal:
            journal.log_epoch(row(epoch), 4)
            raise KeyboardInterrupt

    for epoch in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            train(epoch)
        sending.push_all()
        (run,) = client.search_runs([server.experiment_id(client, "digits")])
        assert run.info.status == "KILLED"
    with journals.opened(training(tmp_path), False):
        sending.push_all()
        assert client.get_run(run.info.run_id).info.status == "RUNNING"
    sending.push_all()
    assert client.get_run(run.info.run_id).info.status == "FINISHED"
    assert points(client, run.info.run_id) == [(1, 1.0), (2, 0.5)]


def test_evaluation_is_appended_and_leaves_the_times(client: Any, tmp_path: Path) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        pass
    run_id = sending.push(client, journal.folder)
    before = client.get_run(run_id).info.end_time
    for accuracy in (0.9, 0.8):  # after a correction, the later value stands, not the better
        with journals.appended(training(tmp_path)) as journal:
            journal.log_metrics({"test": {"accuracy": accuracy, "recall": {"T-shirt/top": 0.5}}})
        assert sending.push(client, journal.folder) == run_id
    run = client.get_run(run_id)
    assert run.data.metrics == {"test/accuracy": 0.8, "test/recall/T-shirt/top": 0.5}
    assert run.info.end_time == before


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_score_logged_again_is_shown_with_its_new_value_also_where_the_clock_is_a_day_behind(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        journal.log_metrics({"test": {"accuracy": 0.7703, "loss": 0.5}})
    run_id, now = sending.push(client, journal.folder), journals.now()
    monkeypatch.setattr(journals, "now", lambda: now - 86_400_000)
    if elsewhere:
        monkeypatch.setenv("DVC_ROOT", str(tmp_path / "another repository"))
    for accuracy in (0.9, 0.8381):
        with journals.appended(training(tmp_path)) as journal:
            journal.log_metrics({"test": {"accuracy": accuracy, "loss": 0.5}})
    for _ in range(2):  # the second changes nothing
        assert sending.push(client, journal.folder) == run_id
        assert client.get_run(run_id).data.metrics == {"test/accuracy": 0.8381, "test/loss": 0.5}
        assert len(points(client, run_id, "test/accuracy")) == 2
        (journal.folder / "sent.md5").unlink()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/new.db")
    new = server.connect()
    assert new.get_run(sending.push(new, journal.folder)).data.metrics["test/accuracy"] == 0.8381


def test_an_epoch_that_was_sent_in_part_is_sent_whole(client: Any, tmp_path: Path) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        journal.log_epoch(row(1), 4)
        run_id = sending.push(client, journal.folder)
        journal.log_epoch(row(2), 4)
        (first, *_) = (metric for metric in journal.metrics if metric.step == 2)
        client.log_batch(run_id, [Metric(*first)], synchronous=True)
        sending.push(client, journal.folder)
    assert points(client, run_id) == [(1, 1.0), (2, 0.5)]
    assert [step for step, _ in points(client, run_id, "epoch/images_per_second")] == [1, 2]


def test_a_description_that_a_person_wrote_stays(client: Any, tmp_path: Path) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        run_id = sending.push(client, journal.folder)
        client.set_tag(run_id, "mlflow.note.content", "too many epochs")
    sending.push_all()
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags["mlflow.note.content"]) == ("FINISHED", "too many epochs")


def test_evaluation_elsewhere_joins_the_run_that_trained_the_model(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        journal.log_epoch(row(1), 4)
    run_id = sending.push(client, journal.folder)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "another repository"))
    with journals.appended(training(tmp_path)) as journal:
        journal.log_history(pd.DataFrame({"epoch": [1.0], "train_loss": [1.0]}))
        journal.log_metrics({"test": {"accuracy": 0.9}})
    assert sending.push(client, journal.folder) == run_id
    assert points(client, run_id) == [(1, 1.0)]
    assert points(client, run_id, "test/accuracy") == [(0, 0.9)]


def test_deleted_run_is_made_anew(client: Any, tmp_path: Path) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        journal.log_epoch(row(1), 4)
    client.delete_run(sending.push(client, journal.folder))
    with journals.appended(training(tmp_path)) as journal:
        pass
    again = sending.push(client, journal.folder)
    assert client.get_run(again).info.status == "FINISHED"
    assert points(client, again) == [(1, 1.0)]


def test_deleted_experiment_does_not_hold_up_the_others(client: Any, tmp_path: Path) -> None:
    folders = []
    for name in ("others", "digits"):
        with journals.opened(dataclasses.replace(training(tmp_path), experiment=name), False) as journal:
            folders.append(journal.folder)
    client.delete_experiment(server.experiment_id(client, "digits"))
    with pytest.raises(InputError, match="digits"):
        sending.push_all()
    [run] = client.search_runs([server.experiment_id(client, "others")])
    assert run.info.status == "FINISHED"


def test_a_new_store_gets_what_is_left_of_a_journal_whose_files_were_sent_and_removed(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        journal.log_epoch(row(1), 4)
        journal.attach_training(model_file(tmp_path), [picture(tmp_path, "network.png", "red")])
    sending.push(client, journal.folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/new.db")
    with journals.appended(training(tmp_path)) as journal:  # as `export` does
        journal.attach({"exports/litert/model.tflite": tmp_path / "train.npz"})
        journal.log_metrics({"test": {"accuracy": 0.9}})
    assert sending.push_all() == 1
    new = server.connect()
    (run,) = new.search_runs([server.experiment_id(new, "digits")])
    assert (run.info.status, artifacts(new, run.info.run_id)) == ("FINISHED", ["exports"])
    assert not sending.holds(new, "digits", "f" * 64)  # `sync` has the rest from what is on disk


def test_a_journal_that_the_store_does_not_take_does_not_hold_up_the_others(client: Any, tmp_path: Path) -> None:
    def opened(digit: str) -> Path:
        with journals.opened(training(tmp_path, digit * 64), False) as journal:
            journal.log_epoch(row(1), 4)
        return journal.folder

    first, refused, last = (opened(digit) for digit in "012")
    journal = Journal.read(refused)
    journal.params["a?"] = "b"  # no name for MLflow
    journal.tag({})
    with pytest.raises(MlflowException, match="Names may only contain"):
        sending.push_all()
    assert [sending.sent(folder) for folder in (first, refused, last)] == [True, False, True]


TORN = ["", '{"metrics": []}', "[]", '{"metrics": 7}', "\x00" * 300]


@pytest.mark.parametrize("content", TORN)
def test_a_damaged_journal_is_named_once_the_others_are_sent(client: Any, tmp_path: Path, content: str) -> None:
    made = []
    for digit in "012":
        with journals.opened(training(tmp_path, digit * 64), False) as journal:
            made.append(journal.folder)
    (made[1] / "journal.json").write_text(content)
    with pytest.raises(InputError, match=r"journal\.json is damaged .*: delete its folder") as raised:
        sending.push_all()
    assert str(made[1]) in str(raised.value)
    assert [sending.sent(folder) for folder in made] == [True, False, True]
    assert (made[1] / "journal.json").read_text() == content
    shutil.rmtree(made[1])
    assert sending.push_all() == 0


def test_a_training_begins_beside_its_damaged_journal_and_is_sent_with_one_warning(
    client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with journals.opened(training(tmp_path), False) as torn:
        pass
    (torn.folder / "journal.json").write_text('{"experiment": "dig')
    with sending.in_background() as send, journals.opened(training(tmp_path), False) as journal:
        journal.log_epoch(row(1), 4)
        send()
    assert journal.folder != torn.folder
    assert sending.sent(journal.folder)
    told = capsys.readouterr().err
    assert told.startswith(f"warning: {torn.folder}/journal.json is damaged (JSONDecodeError(")
    assert told.count("\n") == 1
    with journals.appended(training(tmp_path)) as again:
        assert again.folder == journal.folder


@pytest.mark.parametrize("content", ["", "cut", "\x00" * 32])
def test_a_damaged_note_of_what_was_sent_is_made_anew(client: Any, tmp_path: Path, content: str) -> None:
    with journals.opened(training(tmp_path), False) as journal:
        journal.log_epoch(row(1), 4)
        journal.attach({"network.png": picture(tmp_path, "network.png", "red")})
    run_id = sending.push(client, journal.folder)
    (journal.folder / "sent.md5").write_text(content)
    assert [sending.push_all(), sending.push_all()] == [1, 0]
    assert points(client, run_id) == [(1, 1.0)]
    assert len(client.search_runs([server.experiment_id(client, "digits")])) == 1


@pytest.mark.slow
def test_a_thousand_journals_lose_nothing_while_one_thread_attaches_and_another_sends(
    client: Any, tmp_path: Path
) -> None:
    made, attached, failed = [], Event(), []

    def attach() -> None:
        try:
            for number in range(1000):
                with journals.opened(training(tmp_path, str(number)), False) as journal:
                    for name in ("a.txt", "b.txt"):
                        (tmp_path / name).write_text(f"{number}")
                        journal.attach({name: tmp_path / name})
                made.append(journal.folder)
        except OSError as error:
            failed.append(error)
        finally:
            attached.set()

    attaching = Thread(target=attach)
    attaching.start()
    while not attached.is_set():
        for folder in journals.folders()[-3:]:
            sending.push(client, folder)
    attaching.join()
    assert not failed
    sending.push_all()
    assert len(made) == 1000
    assert not [folder for folder in made if not sending.sent(folder)]
