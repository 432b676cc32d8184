"""The saved views as MLflow's own page shows them: columns, order, charts."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.servers import Server, mlflow_server
from pipeline.runs import views

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="neither chromium nor google-chrome is installed"),
]
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
        views.keep(client, made, ["block1.filters"])
    return made


@pytest.fixture
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 3000, "height": 1200})
        page.set_default_timeout(90_000)
        yield page
        browser.close()


def test_address_opens_on_filters_and_accuracy_the_best_run_first(server: Server, experiment: str, page: Any) -> None:
    page.goto(views.address(server.address, experiment))
    page.get_by_text("block1.filters").first.wait_for()  # the last to be drawn
    text = page.locator("body").inner_text()
    for column in ("test/accuracy", "block1.filters", "32, 64", "0.97"):
        assert column in text
    assert [text.index(name) for name in ("large", "middle", "small")] == sorted(text.index(name) for name in RUNS)


def test_charts_are_drawn(server: Server, experiment: str, page: Any) -> None:
    address = views.address(server.address, experiment).replace(views.FIRST, views.CHARTS)
    page.goto(f"{address}&compareRunsMode=CHART")
    page.get_by_text("Filters and accuracy", exact=True).wait_for()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    assert page.get_by_text("Parallel Coordinates").count()
