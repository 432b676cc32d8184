"""Take this folder's picture of MLflow anew: `make demo`, then `python -m docs.images.screenshots`; needs Chromium."""

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.servers import mlflow_server
from pipeline.addons.ui import views
from pipeline.base import errors, files
from pipeline.base.errors import InputError
from pipeline.tracking import location

FOLDER = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DATASET = "digits"  # of the demo
WIDTH, HEIGHT = 1400, 440
WITHOUT_ASSISTANT = """
    localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')
    localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false')
"""
NO_BUTTON_OF_ASSISTANT = "[data-assistant-ui] {display: none !important}"
TIDY = ("Toggle sidebar", "Hide banner")  # buttons that make room


def main() -> None:
    """Serve the store that has the demo's runs, and take its table."""
    store = location.address()
    found = mlflow.MlflowClient(store).get_experiment_by_name(DATASET)
    if not found:
        raise InputError(f"{store} has no runs of {DATASET}: `make demo` makes them")
    with tempfile.TemporaryDirectory() as folder, mlflow_server(Path(folder), store) as server, opened() as page:
        show(page, views.address(server.address, found.experiment_id))
        page.get_by_text("block1.filters").first.wait_for()  # the last to be drawn
        save(page, "mlflow")


@contextmanager
def opened() -> Iterator[Page]:
    """Open a browser without a window."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not browser:
        raise InputError(f"none of {', '.join(BROWSERS)} is installed")
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page()
        page.add_init_script(WITHOUT_ASSISTANT)
        page.set_default_timeout(90_000)
        yield page


def show(page: Page, address: str) -> None:
    """Go to an address, and make room for what it shows."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(address)
    for button in TIDY:
        page.get_by_label(button).click()
    page.mouse.move(0, 0)
    page.add_style_tag(content=NO_BUTTON_OF_ASSISTANT)


def save(page: Page, name: str) -> None:
    """Save what the page shows, once it stands still, as PNG; in fewer colours, runs of like ones would be of one."""
    page.wait_for_timeout(5000)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.save(content := io.BytesIO(), format="png", optimize=True)
    files.write_bytes(FOLDER / f"{name}.png", content.getvalue())


if __name__ == "__main__":
    errors.run(main)
