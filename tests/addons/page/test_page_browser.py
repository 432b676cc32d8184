"""The page in a real browser: what it draws, what a click opens, keyboard, themes, sizes, accessibility."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.addons.page import document
from tests import browsers
from tests.addons.page.made import evaluations, listed
from tests.evaluations import PARAMS, pictures

pytestmark = browsers.MARKS
NAMES = ["cat", "dog", "fish", "bird"]
MADE = evaluations(NAMES, images=300)
CASES = [(width, scheme) for width in (1400, 390) for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsers.launched() as browser:
        yield browser


def write(folder: Path, class_names: list[str] = NAMES, shape: tuple[int, int, int] = (28, 28, 1)) -> str:
    made = MADE if class_names is NAMES else evaluations(class_names, images=600)
    images = pictures(300 if class_names is NAMES else 600, shape)
    (folder / "index.html").write_text(document.build(PARAMS, made, images, listed(made), {}))
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

    page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    found = Axe().run(page).response["violations"]
    page.locator(".matrix button").first.click()
    found += Axe().run(page).response["violations"]
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


def test_each_picture_is_the_one_of_its_image(page: Any) -> None:
    page.locator(".matrix button").first.click()
    for figure in page.locator("#dialog-images figure").all()[:20]:
        shown = np.asarray(Image.open(io.BytesIO(figure.locator(".image").screenshot())).convert("L"), int)
        wanted = 255 - int(figure.get_attribute("data-image")) % 251
        assert abs(shown[5:-5, 5:-5] - wanted).max() < 10


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
    table = page.locator("#models table").first
    head = table.locator("thead th").nth(1)
    accuracies = sorted(seeds[42].right.mean() for seeds in MADE.values())
    for expected, order in ((accuracies, "ascending"), (accuracies[::-1], "descending")):
        head.locator("button").press("Enter")
        cells = table.locator("tbody tr td:nth-child(2)").all_text_contents()
        assert cells == [f"{accuracy:.4f}" for accuracy in expected]
        assert head.get_attribute("aria-sort") == order


def test_a_list_has_its_images_in_order(page: Any) -> None:
    (title, table), *_ = listed(MADE).items()
    assert images_in(page, f"details[data-list='{title}']") == table["image"].tolist()


def test_the_switch_changes_the_colours(page: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.locator("#theme").click()
    assert page.evaluate(paper) != light


def test_values_stand_beneath_the_pointer_and_arrow_keys_step_through_them(page: Any) -> None:
    values = page.locator("#history output")
    page.locator("#history .u-over").hover(position={"x": 2, "y": 50})
    assert values.all_text_contents() == ["1", "0.6000", "0.6000"]
    page.locator("#history .plot").press("ArrowRight")
    assert values.all_text_contents() == ["2", "0.7000", "0.7000"]


def test_a_chart_is_a_table_too(page: Any) -> None:
    page.locator("#history summary").click()
    page.locator("#history table").wait_for()
    rows = [row.inner_text().split() for row in page.locator("#history tr").all()]
    assert rows == [["epoch", "small-42", "large-42"], ["1", "0.6000", "0.6000"], ["2", "0.7000", "0.7000"]]


def test_reliability_says_at_which_confidence_and_of_how_many_images(page: Any) -> None:
    said = page.locator("#reliability li").all_text_contents()
    accuracies = {name: f"{seeds[42].right.mean():.4f}" for name, seeds in MADE.items()}
    assert said == [
        "confidence 0.9318",
        f"small-42 {accuracies['small']} (at 0.9318, 300 images)",
        f"large-42 {accuracies['large']} (at 0.8750, 300 images)",
        "as right as sure 0.9318",
    ]


def test_two_hundred_classes_are_ranked_pairs_and_colour_is_drawn(browser: Any, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(write(tmp_path, [f"class {number}" for number in range(200)], (64, 64, 3)))
    assert page.locator("#matrix table").count() == 0
    page.locator("#matrix .buttons button").first.click()
    assert images_in(page, "#dialog-images")
    page.keyboard.press("Escape")
    for select in page.locator("#matrix select").all():
        select.select_option(label="class 7")
    page.get_by_role("button", name="Open the images").click()
    assert set(images_in(page, "#dialog-images")) <= {7, 207, 407}
    page.close()


def test_names_of_classes_are_never_markup(browser: Any, tmp_path: Path) -> None:
    names = ["</script><script>document.title = 1</script>", "<img src=x>", "\"'&"]
    page = browser.new_page()
    page.goto(write(tmp_path, names))
    assert page.title() == "Models on digits"
    assert page.locator(".matrix thead th").all_text_contents() == names
    page.locator(".matrix button").nth(1).click()
    assert page.locator("#dialog-title").inner_text().endswith(f"{names[0]} as {names[1]}")
    page.close()


@pytest.mark.parametrize("page", [(1400, "dark")], indirect=True, ids=str)
def test_paper_is_white_and_the_screen_is_as_before_after_printing(page: Any) -> None:
    for event, colour in (("beforeprint", "rgb(255, 255, 255)"), ("afterprint", "rgb(22, 25, 29)")):
        page.evaluate(f"dispatchEvent(new Event('{event}'))")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == colour
