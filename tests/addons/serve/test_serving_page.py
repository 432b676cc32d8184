"""The service's page in a real browser: a drop, a drawing, the keyboard, a token, two widths, two themes."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests import browsers
from tests.serving import MIDDLE, Pointed, served

pytestmark = browsers.MARKS
CASES = [(width, scheme) for width in (1000, 390) for scheme in ("light", "dark")]
DROP = """([content, where]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0)), files = new DataTransfer();
    files.items.add(new File([bytes], "picture.png", { type: "image/png" }));
    document.querySelector(where).dispatchEvent(
        new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: files }));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsers.launched() as browser:
        yield browser


@pytest.fixture
def page(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    width, scheme, token = (*getattr(request, "param", (1000, "light")), None)[:3]
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, elsewhere = context.new_page(), list[str]()
    with served(Pointed(), token=token) as address:
        page.on("pageerror", lambda error: elsewhere.append(str(error)))
        page.on("request", lambda asked: None if address in asked.url else elsewhere.append(asked.url))
        page.goto(f"http://{address}/")
        yield page
        context.close()
    assert [url for url in elsewhere if not url.startswith(("blob:", "data:"))] == []


def picture(level: int) -> str:
    content = io.BytesIO()
    Image.fromarray(np.full((40, 40), level, np.uint8)).save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


def says(page: Any, words: str) -> None:
    page.locator("#said", has_text=words).wait_for(timeout=5000)


@pytest.mark.parametrize("page", CASES, indirect=True, ids=str)
def test_a_picture_that_is_dropped_is_told_and_all_fits_the_window(page: Any) -> None:
    assert page.locator("#which").inner_text() == "shop, version 7: vgg"
    page.evaluate(DROP, [picture(255), "#drop"])
    says(page, "bright, 90.0 %")
    assert page.locator("#bars li span:first-child").all_inner_texts() == ["bright", "dark"]
    assert page.locator("#drop img").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#invert").check()
    says(page, "dark, 90.0 %")


@pytest.mark.parametrize("page", CASES, indirect=True, ids=str)
def test_nothing_is_inaccessible(page: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(DROP, [picture(255), "#drop"])
    says(page, "bright")
    found = Axe().run(page).response["violations"]
    assert not [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in found]


def test_a_drawing_is_told_and_cleared(page: Any) -> None:
    box = page.locator("canvas").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 5, middle[1] + 5)
    page.mouse.up()
    says(page, "bright")
    page.locator("#clear").click()
    says(page, "Nothing yet")
    page.mouse.click(box["x"] + 20, box["y"] + 20)
    says(page, "dark")


def test_the_keyboard_alone_draws(page: Any) -> None:
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "CANVAS":
            break
    page.keyboard.press("ArrowUp")
    says(page, "at 50 % from the left, 45 % from the top")
    page.keyboard.down("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.up("Space")
    says(page, "bright")


def test_a_file_is_chosen_by_the_keyboard(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    content = base64.b64decode(picture(255))
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": content})
    says(page, "bright")


def test_a_file_that_is_no_picture_is_told_why(page: Any) -> None:
    page.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    says(page, "neither PNG nor JPEG")


@pytest.mark.parametrize("page", [(1000, "light", "open sesame")], indirect=True, ids=["token"])
def test_a_token_is_asked_for(page: Any) -> None:
    says(page, "give the token")
    page.locator("#token").fill("open sesame")
    page.locator("#permit button").press("Enter")
    page.locator("#which", has_text="version 7").wait_for(timeout=5000)
    assert page.locator("#permit").is_hidden()
    page.evaluate(DROP, [picture(0), "#drop"])
    says(page, "dark")


def test_the_stand_in_looks_at_the_middle() -> None:
    images = np.zeros((2, 28, 28, 1), np.uint8)
    images[1][MIDDLE] = 255
    assert Pointed().predict(images).argmax(axis=1).tolist() == [1, 0]
