import base64
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.addons.page import document, sprites
from pipeline.evaluation.records import Predictions
from tests.addons.page.made import evaluations, listed
from tests.evaluations import PARAMS, pictures

NAMES = ["cat", "dog", "fish"]
HOSTILE = ["</script><script>alert(1)</script>", "<b>", "\"'&"]


def build(class_names: list[str], images: int = 120, **given: Any) -> str:
    made = evaluations(class_names, images=images, **given)
    return document.build(PARAMS, made, pictures(images), listed(made), {})


def content(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_page_is_the_same_each_time() -> None:
    assert build(NAMES) == build(NAMES)


def test_page_begins_with_the_verdict_and_names_every_model() -> None:
    page = build(NAMES)
    assert page.index('class="verdict"') < page.index("<table")
    for model in ("small", "large"):
        assert f'<th scope="row">{model}</th>' in page


def test_page_asks_for_nothing_from_elsewhere() -> None:
    page = build(NAMES)
    assert "default-src 'none'" in page
    assert not re.search(r"<(link|script|img)[^>]+(src|href)=\"(?!data:)", page)


@pytest.mark.parametrize("names", [HOSTILE, NAMES])
def test_names_are_data_never_markup(names: list[str]) -> None:
    page = build(names)
    assert "<script>alert" not in page
    assert content(page)["classes"] == names


def test_one_model_has_none_to_be_compared_with() -> None:
    page = build(NAMES, models=("small",))
    assert 'id="differences"' not in page
    assert 'id="agreement"' not in page


def test_predictions_and_labels_arrive_as_they_are() -> None:
    made = evaluations(NAMES)
    found = content(document.build(PARAMS, made, pictures(), {}, {}))
    (training, *_) = found["trainings"]
    predictions = np.frombuffer(base64.b64decode(training["predictions"]), "<u2")
    assert predictions.tolist() == made["small"][42].test.probabilities.argmax(axis=1).tolist()
    assert np.frombuffer(base64.b64decode(found["labels"]), "<u2").tolist() == [index % 3 for index in range(120)]


def test_two_hundred_classes_and_several_seeds_fit() -> None:
    page = build([f"class {number}" for number in range(200)], images=400, seeds=(1, 2))
    assert [training["name"] for training in content(page)["trainings"]] == ["small-1", "small-2", "large-1", "large-2"]
    assert len(page) < 1_000_000


def test_a_class_that_is_never_predicted_has_precision_0() -> None:
    ((model, seeds), *_) = evaluations(NAMES).items()
    test = seeds[42].test
    never = np.where(np.arange(3) == 2, 0, test.probabilities + 0.1).astype(np.float32)
    splits = {"test": Predictions(test.labels, never / never.sum(axis=1, keepdims=True))}
    page = document.build(PARAMS, {model: {42: replace(seeds[42], splits=splits)}}, pictures(), {}, {})
    assert content(page)["trainings"][0]["per_class"]["precision"][2] == 0


def test_a_model_has_a_colour_and_each_of_its_seeds_a_dash() -> None:
    looks = [(found["colour"], found["dash"]) for found in content(build(NAMES, seeds=(1, 2, 3)))["trainings"]]
    assert [colour for colour, _ in looks] == [0, 0, 0, 1, 1, 1]
    assert len(set(looks)) == 6


def test_a_loss_that_is_no_number_is_null() -> None:
    ((model, seeds), *_) = evaluations(NAMES).items()
    history = pd.DataFrame({"epoch": [1.0, 2.0], "train_loss": [0.5, np.nan]})
    page = document.build(PARAMS, {model: {42: replace(seeds[42], history=history)}}, pictures(), {}, {})
    assert content(page)["trainings"][0]["history"]["train_loss"] == [0.5, None]


def test_pictures_are_in_the_page_under_their_titles_and_captions(tmp_path: Path) -> None:
    made = evaluations(NAMES)
    (tmp_path / "gradcam.png").write_bytes(b"PNG")
    page = document.build(PARAMS, made, pictures(), {}, {"<small>": {'"gradcam"': tmp_path / "gradcam.png"}})
    assert "<summary>&lt;small&gt;</summary>" in page
    assert 'src="data:image/png;base64,UE5H" alt="&lt;small&gt;: &#34;gradcam&#34;"' in page
    assert "Pictures" not in build(NAMES)


def opened(sheet: sprites.Sheet) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet.source.partition(",")[2]))).convert("RGB"))


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_at_its_place_on_the_sheet_grey_ones_inverted(channels: int) -> None:
    images = pictures(10, (8, 8, channels)) * 25
    sheet = sprites.sheet(images)
    picture = opened(sheet)
    for image in range(10):
        row, column = divmod(image, sheet.columns)
        middle = int(picture[row * 8 + 4, column * 8 + 4, 0])
        assert abs(middle - (255 - 25 * image if channels == 1 else 25 * image)) < 12


def test_beyond_the_budget_all_images_are_shrunk_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sprites, "PIXELS", 32 * 24 * 200)
    sheet = sprites.sheet(pictures(200, (64, 48, 3)))
    assert (sheet.height, sheet.width) == (32, 24)
    height, width, _ = opened(sheet).shape
    assert (height // 32) * (width // 24) >= 200
    assert width == 24 * sheet.columns


def test_a_sheet_of_narrow_images_is_about_as_wide_as_high() -> None:
    sheet = sprites.sheet(pictures(400, (64, 4, 1)))
    height, width, _ = opened(sheet).shape
    assert 0.8 < height / width < 1.25
