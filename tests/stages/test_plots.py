"""The page of `dvc plots show`, made of the committed reports: its scripts, and how it opens without a network."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc_render.vega import VegaRenderer

from pipeline.base import files
from tests.conftest import ROOT

PAGE = ROOT / ".dvc" / "plots" / "page.html"
SCRIPT = re.compile(r"<script>/\* (\S+) \*/\n(.+?)\n</script>", re.S)
SHA256 = {  # of build/NAME.min.js in npm's packages
    "vega@5.20.2": "4794d0169cb1f3ebad8117fe98ba5bd652dd725905ec0384e832391dbccb03be",
    "vega-lite@5.2.0": "d73157451b3978015ab31dacd55ff90d986ab8663fc0abed50f97b3cd90002cb",
    "vega-embed@6.18.2": "1ba9826431ddc9805e815ad92acc811c819f2bfd32bda2a128b8c4b5070fab5e",
}
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def test_scripts_are_npms_in_the_versions_that_dvc_would_load() -> None:
    found = {}
    for name, script in SCRIPT.findall(PAGE.read_text("utf-8")):
        whole = f"{script}\n//# sourceMappingURL={name.partition('@')[0]}.min.js.map\n"  # a line that the page lacks
        found[name] = hashlib.sha256(whole.encode()).hexdigest()
    assert list(found) == re.findall(r"/npm/([\w.@-]+)", VegaRenderer.SCRIPTS)
    assert found == SHA256


def charts() -> int:
    """Count the tables that dvc.yaml plots, of every training in reports/."""
    stages: dict[str, Any] = files.read_yaml(ROOT / "dvc.yaml")["stages"]
    plots = [path for name in ("train", "evaluate") for plot in stages[name]["plots"] for path in plot]
    trainings = len(list(ROOT.glob("reports/*/metrics.json")))
    return trainings * len([path for path in plots if path.endswith(".csv")])


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="neither chromium nor google-chrome is installed")
def test_page_opens_without_a_network_and_draws_every_chart(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    command = [sys.executable, "-m", "dvc", "plots", "show", "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: complaints.append(asked.url) if asked.url.startswith("http") else None)
        page.goto((tmp_path / "index.html").as_uri())
        page.wait_for_function("count => document.querySelectorAll('canvas.marks').length === count", arg=charts())
        drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
        assert all(canvas.evaluate(drawn) for canvas in page.locator("canvas.marks").all())
        assert all(image.evaluate("image => image.naturalWidth") for image in page.locator("img").all())
        browser.close()
    assert not complaints
