"""The saved view as MLflow's own page shows it: columns and order; and two runs' pictures side by side."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from benchmarks.servers import Server, mlflow_server
from pipeline.addons.ui import views
from pipeline.tracking import journals, sending
from tests import browsers
from tests.journals import picture, training

pytestmark = browsers.MARKS
RUNS = {"small": ("8", 0.91), "large": ("32, 64", 0.97), "middle": ("16", 0.94)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(folder, f"sqlite:///{folder}/runs.db") as server:
        yield server


@pytest.fixture(scope="module")
def experiment(server: Server) -> str:
    """Log three runs of other filters to a real server, as trainings do."""
    import mlflow

    client = mlflow.MlflowClient(server.address)
    made: str = client.create_experiment("digits")
    for name, (filters, accuracy) in RUNS.items():
        run = client.create_run(made, run_name=name).info.run_id
        client.log_param(run, "block1.filters", filters)
        client.log_metric(run, "test/accuracy", accuracy)
        client.log_metric(run, "parameters", 1000 * len(filters))
        for epoch in (1, 2):
            client.log_metric(run, "epoch/validation_accuracy", accuracy * epoch / 2, step=epoch)
        client.set_terminated(run)
    views.keep(client, client.get_experiment(made), [["block1.filters"]])
    return made


@pytest.fixture(scope="module")
def pictured(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """Send two trainings with a confusion matrix each, and return their experiment and runs."""
    import mlflow

    folder, client, runs = tmp_path_factory.mktemp("pictured"), mlflow.MlflowClient(server.address), []
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DVC_ROOT", str(folder))
        environment.setenv("MLFLOW_TRACKING_URI", server.address)
        (folder / "train.npz").write_bytes(b"data")
        for fingerprint, color in (("a" * 64, "red"), ("b" * 64, "green")):
            described = dataclasses.replace(training(folder, fingerprint), experiment="pictured")
            with journals.opened(described, False) as journal:
                journal.attach({"confusion_matrix.png": picture(folder, "confusion_matrix.png", color)})
            runs.append(sending.push(client, journal.folder))
    return client.get_run(runs[0]).info.experiment_id, runs


@pytest.fixture
def page() -> Iterator[Any]:
    with browsers.launched() as browser:
        page = browser.new_page(viewport={"width": 3000, "height": 1200})
        page.set_default_timeout(90_000)
        yield page


def test_address_opens_on_filters_and_accuracy_the_best_run_first(server: Server, experiment: str, page: Any) -> None:
    page.goto(views.address(server.address, experiment))
    page.get_by_text("block1.filters").first.wait_for()  # the last to be drawn
    text = page.locator("body").inner_text()
    for column in ("test/accuracy", "block1.filters", "32, 64", "0.97"):
        assert column in text
    assert [text.index(name) for name in ("large", "middle", "small")] == sorted(text.index(name) for name in RUNS)


def test_compare_shows_a_picture_of_both_runs(server: Server, pictured: tuple[str, list[str]], page: Any) -> None:
    experiment, runs = pictured
    which = f"runs={quote(json.dumps(runs))}&experiments={quote(json.dumps([experiment]))}"
    page.goto(f"{server.address}/#/compare-runs?{which}")
    page.get_by_text("confusion_matrix.png").first.dispatch_event("click")  # the pictures before lie over it
    page.get_by_alt_text("confusion_matrix.png").nth(1).wait_for()
