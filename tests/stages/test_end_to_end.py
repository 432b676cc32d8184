"""The whole pipeline on digits, by real `dvc repro` into a real MLflow store, as a person would use it."""

import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.workspace import Workspace
from pipeline.base import files
from pipeline.data import arrays
from pipeline.network import saving
from tests.stages.test_dvc import module_of

pytestmark = pytest.mark.slow
SMALL = {"blocks": [{"filters": [4], "padding": "same"}, {"filters": [8]}], "dense": [{"units": 16, "dropout": 0.2}]}
AUGMENTED = {**SMALL, "train": {"epochs": 1, "augmentation": {"rotation_range": 10, "horizontal_flip": True}}}
PARAMS: dict[str, Any] = {
    "fetch": {"dataset": "digits"},
    "prepare": {
        "validation_fraction": 0.5,
        "test_fraction": 0.5,
        "split": "stratified",
        "scaling": "standard",
        "seed": 1,
    },
    "train": {"epochs": 2, "batch_size": 32, "optimizer": {"name": "adam", "learning_rate": 0.01}},
    "robustness": {"images": 20},
    "seeds": [1],
    "export": {"models": [], "formats": ["litert", "litert_int8"]},
    "models": {"plain": SMALL},
    "gate": {"every_model": {"at_least": {"test": {"accuracy": 0.2}}}},
}
STAGES = {"fetch", "prepare", "duplicates", "train@plain-1", "evaluate@plain-1", "report"}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("workspace"))
    made.write(PARAMS)
    assert made.repro() == STAGES
    return made


def changed(edit: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    params: dict[str, Any] = json.loads(json.dumps(PARAMS))
    edit(params)
    return params


def add_augmented(params: dict[str, Any]) -> None:
    params["models"]["augmented"] = json.loads(json.dumps(AUGMENTED))


def test_first_repro_makes_every_output_and_one_run(workspace: Workspace) -> None:
    made = {str(path.relative_to(workspace.folder / "reports")) for path in workspace.tree("reports")}
    assert made == {
        *("samples.png", "README.md", "index.html", "models.json", "curves.png", "confusion.png"),
        *("reliability.png", "coverage.png", "cards/plain.md"),
        *(f"failures/{which}.{kind}" for which in ("never_right", "duplicates") for kind in ("csv", "png")),
        *(f"failures/label_errors_{split}.{kind}" for split in ("test", "validation") for kind in ("csv", "png")),
        *("failures/robustness.csv", "failures/robustness.png", "failures/corruptions.png"),
        *("failures/plain-1/confused_pairs.csv", "failures/plain-1/mistakes.csv"),
        *("failures/plain-1/least_certain.csv", "failures/plain-1/least_certain.png"),
        *("plain-1/layers.csv", "plain-1/history.csv", "plain-1/learning_curves.png", "plain-1/metrics.json"),
        *(
            "plain-1/per_class.csv",
            "plain-1/predictions.csv",
            "plain-1/confusion_matrix.csv",
            "plain-1/confusion_matrix.png",
        ),
        *("plain-1/augmented.png", "plain-1/mistakes.png"),
        *("plain-1/features.png", "plain-1/gradcam.png"),
    }
    scores = json.loads((workspace.folder / "reports/plain-1/metrics.json").read_text())
    headline = {"accuracy": scores["test"]["accuracy"], "parameters": scores["parameters"]}
    assert json.loads((workspace.folder / "reports/models.json").read_text()) == {"plain": headline}
    (run,) = workspace.runs()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/accuracy"] == scores["test"]["accuracy"] > 0.2
    assert scores["parameters"] == run.data.metrics["parameters"]


def test_evaluation_agrees_with_keras(workspace: Workspace) -> None:

    model = saving.load(workspace.folder / "models/plain-1.keras")
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    images, labels = arrays.read(workspace.folder / "data/prepared/test")
    loss, accuracy = model.evaluate(images, labels, verbose=0)
    scores = json.loads((workspace.folder / "reports/plain-1/metrics.json").read_text())["test"]
    assert scores["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert scores["loss"] == pytest.approx(loss, abs=1e-5)


def test_splits_are_disjoint_stratified_and_of_exact_size(workspace: Workspace) -> None:

    prepared = workspace.folder / "data/prepared"
    parts = {name: arrays.read(prepared / name) for name in ("train", "validation", "test")}
    assert {name: len(labels) for name, (_, labels) in parts.items()} == {"train": 449, "validation": 449, "test": 899}
    everything = np.concatenate([images for images, _ in parts.values()])
    assert len(np.unique(everything.reshape(1797, -1), axis=0)) == len(
        np.unique(arrays.read(workspace.folder / "data/raw/train")[0].reshape(1797, -1), axis=0)
    )
    for _, labels in parts.values():
        assert np.ptp(np.bincount(labels) / len(labels)) < 0.01


def test_second_repro_and_a_comment_run_nothing_and_log_nothing(workspace: Workspace) -> None:
    before = workspace.runs()
    assert workspace.repro() == set()
    path = workspace.folder / "params.yaml"
    path.write_text("# a comment\n" + path.read_text())
    assert workspace.repro() == set()
    assert len(workspace.runs()) == len(before)


def test_only_what_a_change_affects_runs_and_changing_back_brings_results_back(workspace: Workspace) -> None:
    workspace.write(changed(add_augmented))
    assert workspace.repro() == {"train@augmented-1", "evaluate@augmented-1", "report"}
    before, runs = workspace.digests(), len(workspace.runs())

    def widen(params: dict[str, Any]) -> None:
        add_augmented(params)
        params["models"]["augmented"]["blocks"][0]["filters"] = [6]

    workspace.write(changed(widen))
    assert workspace.repro() == {"train@augmented-1", "evaluate@augmented-1", "report"}
    assert len(workspace.runs()) == runs + 1

    workspace.write(changed(add_augmented))
    assert workspace.repro() == {"report"}
    assert workspace.digests() == before
    assert len(workspace.runs()) == runs + 1

    workspace.write(PARAMS)
    assert workspace.repro() == {"report"}
    assert "augmented-1/" not in (workspace.folder / "reports/README.md").read_text()


def test_a_seed_that_is_added_trains_alone_and_is_shown_beside_the_other(workspace: Workspace) -> None:
    workspace.write(PARAMS | {"seeds": [1, 2]})
    assert workspace.repro() == {"train@plain-2", "evaluate@plain-2", "report"}
    networks = [(workspace.folder / f"models/plain-{seed}.keras").read_bytes() for seed in (1, 2)]
    assert networks[0] != networks[1]
    assert "of each seed" in (workspace.folder / "reports/README.md").read_text()
    assert "| plain, 2 together |" in (workspace.folder / "reports/README.md").read_text()
    assert "of each seed" in workspace.run("pipeline", "gate").stdout
    found = [files.read_arrays(workspace.folder / f"data/evaluations/plain-{seed}.npz") for seed in (1, 2)]
    mean = np.mean([arrays["test_probabilities"] for arrays in found], axis=0)
    together = files.read_json(workspace.folder / "reports/models.json")["plain"]["together"]
    assert together["accuracy"] == pytest.approx(np.mean(mean.argmax(axis=1) == found[0]["test_labels"]), abs=1e-6)
    for limit, code in ((together["accuracy"], 0), (1.0, 1)):
        gate = {"plain": {"at_least": {"together": {"accuracy": limit}}}}
        workspace.write(PARAMS | {"seeds": [1, 2], "gate": gate})
        assert workspace.repro() == set()
        assert workspace.run("pipeline", "gate").returncode == code
    workspace.write(PARAMS | {"seeds": [2, 1]})
    assert workspace.repro() == {"report"}
    workspace.write(PARAMS)
    assert workspace.repro() == {"report"}
    assert "of each seed" not in (workspace.folder / "reports/README.md").read_text()


def test_exports_are_written_scored_sent_and_held_to_the_gate(workspace: Workspace) -> None:
    import mlflow

    pytest.importorskip("onnxruntime", reason="`make export` installs it")
    kinds = ["litert", "litert_int8", "onnx"]
    limits = {
        "at_least": {"exports": {"onnx": {"accuracy": 0.2}}},
        "at_most": {"exports": {"litert_int8": {"bytes": 1e5}}},
    }
    asked = PARAMS | {"export": {"models": ["plain"], "formats": kinds}, "gate": {"plain": limits}}
    workspace.write(asked)
    assert workspace.repro() == {"export@plain-1"}
    reports, exported = workspace.folder / "reports/plain-1", workspace.folder / "models/exported/plain-1"
    assert list(files.read_json(reports / "exports.json")) == kinds
    assert {path.name for path in exported.iterdir()} == set(kinds)
    assert (reports / "exports.md").exists()
    assert "checks passed" in workspace.run("pipeline", "gate").stdout
    (run,) = [run for run in workspace.runs() if "exports/onnx/accuracy" in run.data.metrics]
    assert run.data.metrics["exports/litert/images_per_second"] > 0
    artifacts = mlflow.MlflowClient(f"sqlite:///{workspace.folder}/mlflow.db")
    assert {file.path for file in artifacts.list_artifacts(run.info.run_id, "exports")} == {
        f"exports/{kind}" for kind in kinds
    }
    made = [path for path in exported.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in [*made, reports / "exports.json"]}
    lock = (workspace.folder / "dvc.lock").read_bytes()
    assert workspace.repro("--force", "--single-item", "export@plain-1") == {"export@plain-1"}
    assert {path: path.read_bytes() for path in before} == before
    assert (workspace.folder / "dvc.lock").read_bytes() == lock
    workspace.write(PARAMS)
    assert workspace.repro() == set()


def test_compare_tells_a_change_of_filters_of_code_alone_and_none(workspace: Workspace) -> None:
    workspace.write(PARAMS)
    workspace.repro()
    workspace.commit()

    def widen(params: dict[str, Any]) -> None:
        params["models"]["plain"]["blocks"][0]["filters"] = [6]

    workspace.write(changed(widen))
    workspace.repro()
    text = workspace.run("pipeline", "compare").stdout
    scores = json.loads((workspace.folder / "reports/plain-1/metrics.json").read_text())["test"]
    assert re.search(rf"^plain .* {scores['accuracy']:.4f} .* the same images$", text, re.MULTILINE)
    assert re.search(r"^models\.plain\.blocks\.0\.filters +\[\d\] +\[6\]$", text, re.MULTILINE)

    workspace.write(PARAMS)
    workspace.repro()
    code = workspace.folder / "pipeline/addons/page/page.css"
    code.write_text(code.read_text() + "/* changed */\n")
    workspace.repro()
    text = workspace.run("pipeline", "compare").stdout
    assert "plain predicts the same." in text

    workspace.git("checkout", "-q", ".")
    workspace.repro()
    text = workspace.run("pipeline", "compare").stdout
    assert "Params that differ: none." in text


def test_force_gives_the_same_bytes(workspace: Workspace) -> None:
    workspace.write(PARAMS)
    workspace.repro()
    before = workspace.digests()
    assert workspace.repro("--force") == STAGES
    assert workspace.digests() == before


def test_where_neither_store_nor_clone_knows_the_training_evaluation_makes_its_run(workspace: Workspace) -> None:
    other = f"sqlite:///{workspace.folder}/other.db"
    journals = (workspace.folder / ".runs").rename(workspace.folder / "elsewhere")
    ran = workspace.repro("--force", "--single-item", "evaluate@plain-1", MLFLOW_TRACKING_URI=other)
    shutil.rmtree(workspace.folder / ".runs")
    journals.rename(workspace.folder / ".runs")
    assert ran == {"evaluate@plain-1"}
    (run,) = workspace.runs("other.db")
    assert run.data.tags["rebuilt"] == "true"
    assert {"epoch/train_loss", "test/accuracy"} <= set(run.data.metrics)


def test_two_syncs_at_once_make_one_complete_run(workspace: Workspace) -> None:
    other = f"sqlite:///{workspace.folder}/synced.db"
    started = [workspace.start("pipeline", "sync", MLFLOW_TRACKING_URI=other) for _ in range(2)]
    ended = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0], ended
    (run,) = workspace.runs("synced.db")
    assert run.info.status == "FINISHED"
    assert {"epoch/train_loss", "epoch/seconds", "test/accuracy"} <= set(run.data.metrics)
    assert run.outputs.model_outputs
    attached = workspace.run("mlflow", "artifacts", "list", "-r", run.info.run_id, MLFLOW_TRACKING_URI=other)
    reports = {path.name for path in workspace.tree("reports/plain-1") if not path.name.startswith("exports")}
    assert {file["path"] for file in json.loads(attached.stdout)} >= reports
    again = workspace.run("pipeline", "sync", MLFLOW_TRACKING_URI=other)
    assert again.stdout == f"nothing was missing at {other}\n"


def test_what_was_deleted_is_made_from_what_is_on_disk(workspace: Workspace) -> None:
    workspace.write(PARAMS)
    workspace.repro()
    shutil.rmtree(workspace.folder / ".dvc/cache")
    assert workspace.run("dvc", "commit", "-f").returncode == 0
    assert workspace.repro() == set()
    gone = {"MLFLOW_TRACKING_URI": f"sqlite:///{workspace.folder}/gone.db"}
    missing = workspace.run("pipeline", "registry", "show", **gone)
    assert missing.returncode == 2
    assert (
        "gone.db is missing: `dvc repro` makes it as it trains, and `python -m pipeline sync` makes all anew"
        in missing.stderr
    )
    assert workspace.run("pipeline", "sync", **gone).stdout.endswith("gone.db: 1 run\n")
    promoted = workspace.run("pipeline", "registry", "promote", **gone)
    assert promoted.stdout.startswith("champion: digits version 1: plain"), promoted.stderr


def test_a_folder_that_is_renamed_goes_on_working(workspace: Workspace) -> None:
    before = workspace.folder
    workspace.write(PARAMS)
    workspace.repro()
    promoted = workspace.run("pipeline", "registry", "promote")
    assert promoted.returncode == 0, promoted.stderr
    workspace.run("pipeline", "sync")
    workspace.folder = before.rename(before.with_name("renamed"))
    try:
        assert workspace.run("pipeline", "sync").stdout.startswith("nothing was missing at ")
        picture = workspace.run("pipeline", "predict", "reports/samples.png", "--json")
        assert picture.returncode == 0, picture.stderr
        workspace.write(PARAMS | {"train": PARAMS["train"] | {"epochs": 3}})
        stale = workspace.run("pipeline", "registry", "promote", "--force")
        assert stale.stderr == "error: params.yaml:train changed since plain-1 was evaluated: run `dvc repro`\n"
        assert "train@plain-1" in workspace.repro()
        assert workspace.run("pipeline", "registry", "promote", "--force").stdout.startswith("champion: digits version")
        assert not before.exists()
    finally:
        workspace.folder = workspace.folder.rename(before)
    workspace.write(PARAMS)
    workspace.repro()


def test_sync_with_a_server_that_is_down_is_one_line(workspace: Workspace) -> None:
    done = workspace.run("pipeline", "sync", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.startswith("error: MLflow at http://127.0.0.1:9: ")
    assert done.stderr.count("\n") == 1


def test_gate_and_metrics_commands_work_on_it(workspace: Workspace) -> None:
    assert "all 1 checks passed" in workspace.run("pipeline", "gate").stdout
    shown = workspace.run("dvc", "metrics", "show").stdout
    assert "test.accuracy" in shown


def test_wrong_params_are_refused_before_anything_runs(workspace: Workspace) -> None:
    def spoil(params: dict[str, Any]) -> None:
        params["train"]["epochs"] = 3
        params["models"]["wrong"] = {"blocks": [{"filters": [4]}] * 6}

    models = {path: path.read_bytes() for path in workspace.tree("models")}
    workspace.write(changed(spoil))
    done = workspace.run("dvc", "repro")
    workspace.write(PARAMS)
    assert done.returncode != 0
    assert "error: models.wrong.blocks.4: the 2 × 2 pool does not fit a map of 1 × 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert "epoch" not in done.stdout
    assert workspace.repro() <= {"report"}
    assert {path: path.read_bytes() for path in workspace.tree("models")} == models


@pytest.mark.parametrize(
    ("stage", "arguments", "expected"),
    [
        ("fetch", [], "0 arguments were given, these are needed: RAW_FOLDER"),
        ("prepare", ["nowhere", "prepared", "x.png"], "nowhere/dataset.json is missing: `dvc repro` makes it"),
        ("train", ["plian", "data/prepared", "m", "r"], "plian is unknown; did you mean plain?"),
        ("evaluate", ["plain-1", "nowhere", "m", "e", "r"], "nowhere/dataset.json is missing"),
        ("report", ["nowhere", "r"], "nowhere/evaluations/plain-1.npz is missing"),
        ("duplicates", ["nowhere", "d"], "nowhere/dataset.json is missing"),
    ],
)
def test_stages_refuse_bad_input_in_one_line(
    workspace: Workspace, stage: str, arguments: list[str], expected: str
) -> None:
    done = workspace.run(module_of(stage), *arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
