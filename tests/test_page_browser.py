"""The page in a real browser: what it draws, what a click opens, keyboard, themes, sizes, accessibility."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.evaluation import lists
from pipeline.page import building
from tests.page import evaluations, pictures

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="neither chromium nor google-chrome is installed"),
]
NAMES = ["cat", "dog", "fish", "bird"]
MADE = evaluations(NAMES, images=300)
CASES = [(width, scheme) for width in (1400, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


def write(folder: Path, class_names: list[str] = NAMES, shape: tuple[int, int, int] = (28, 28, 1)) -> str:
    made = MADE if class_names is NAMES else evaluations(class_names, images=600)
    images = pictures(300 if class_names is NAMES else 600, shape)
    (folder / "index.html").write_text(building.build("digits", made, images, lists.of_test_images(made)))
    return (folder / "index.html").as_uri()


@pytest.fixture
def page(browser: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    width, scheme = getattr(request, "param", (1400, "light"))
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: complaints.append(asked.url) if asked.url.startswith("http") else None)
    page.goto(write(tmp_path))
    yield page
    context.close()
    assert not complaints


def images_in(page: Any, where: str) -> list[int]:
    return [int(figure.get_attribute("data-image")) for figure in page.locator(f"{where} figure").all()]


@pytest.mark.parametrize("page", CASES, indirect=True, ids=str)
def test_everything_is_drawn_within_the_window(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".chart canvas").count() == 4
    drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    assert all(canvas.evaluate(drawn) for canvas in page.locator(".chart canvas").all())
    assert page.locator(".matrix button").count() == len(NAMES) ** 2
    assert page.locator(".image").first.evaluate("image => image.clientWidth") == 84


@pytest.mark.parametrize("page", CASES, indirect=True, ids=str)
def test_nothing_is_inaccessible(page: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    assert not [
        f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found if rule["impact"] in ("serious", "critical")
    ]


def test_a_cell_opens_exactly_its_images_and_escape_gives_the_focus_back(page: Any) -> None:
    page.locator("#training").select_option(label="small-42")
    test = MADE["small"][42].test
    for row, column in ((0, 0), (1, 0), (2, 3)):
        cell = page.locator(".matrix tbody tr").nth(row).locator("button").nth(column)
        cell.click()
        wanted = (test.labels == row) & (test.probabilities.argmax(axis=1) == column)
        assert images_in(page, "#dialog-images") == np.flatnonzero(wanted).tolist()
        page.keyboard.press("Escape")
        assert cell.evaluate("cell => cell === document.activeElement")


def test_arrow_keys_move_between_cells_and_enter_opens_one(page: Any) -> None:
    page.locator(".matrix button").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("dog as dog: ")
    page.keyboard.press("Enter")
    assert page.locator("dialog[open]").count() == 1


def test_two_models_are_compared_image_by_image(page: Any) -> None:
    small, large = MADE["small"][42].right, MADE["large"][42].right
    page.get_by_role("button", name="Only small-42 is right").click()
    assert images_in(page, "#dialog-images") == np.flatnonzero(small & ~large).tolist()


def test_a_table_sorts_by_the_column_that_is_pressed(page: Any) -> None:
    head = page.locator("#models thead th").nth(1)
    accuracies = sorted(seeds[42].right.mean() for seeds in MADE.values())
    for expected, order in ((accuracies, "ascending"), (accuracies[::-1], "descending")):
        head.locator("button").press("Enter")
        cells = page.locator("#models tbody tr td:nth-child(2)").all_text_contents()
        assert cells == [f"{accuracy:.4f}" for accuracy in expected]
        assert head.get_attribute("aria-sort") == order


def test_a_list_has_its_images_in_order(page: Any) -> None:
    (title, table), *_ = lists.of_test_images(MADE).items()
    assert images_in(page, f"details[data-list='{title}']") == table["image"].tolist()


def test_the_switch_changes_the_colours(page: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.locator("#theme").click()
    assert page.evaluate(paper) != light


def test_values_stand_beneath_the_pointer(page: Any) -> None:
    chart = page.locator("#history .u-over")
    chart.hover(position={"x": chart.evaluate("over => over.clientWidth - 2"), "y": 50})
    assert page.locator("#history .u-legend .u-value").all_text_contents() == ["2.0000", "0.7000", "0.7000"]


def test_a_point_of_the_map_shows_its_image_and_arrow_keys_step_through_the_mistakes(page: Any) -> None:
    page.locator("#mapped").select_option(label="small-42")
    right = MADE["small"][42].right
    assert page.locator("#points circle").count() == right.sum()
    wrong = np.flatnonzero(~right)
    page.locator(f"#points [data-image='{wrong[3]}']").dispatch_event("pointerover")
    assert images_in(page, "#point") == [wrong[3]]
    page.locator("#points svg").focus()
    page.keyboard.press("ArrowRight")
    assert images_in(page, "#point") == [wrong[4]]


def test_two_hundred_classes_are_ranked_pairs_and_colour_is_drawn(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(write(tmp_path, [f"class {number}" for number in range(200)], (64, 64, 3)))
    assert page.locator("#matrix table").count() == 0
    page.locator("#matrix button").first.click()
    assert images_in(page, "#dialog-images")
    page.close()
