from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tests import evaluations

NAMES = {"train": np.array(["cat/1.png", "dog/2.png"]), "test": np.array(["cat/a.png", "dog/b.png", "dog/c.png"])}
UNNAMED = evaluations.report(evaluations.evaluations(["cat", "dog"]), Path(), evaluations.pictures())
REPORT = replace(UNNAMED, names=NAMES)


def test_images_are_listed_with_their_files_where_these_are_known() -> None:
    table = pd.DataFrame({"image": [2, 0], "label": ["dog", "cat"]})
    assert REPORT.with_files(table)["file"].tolist() == ["dog/c.png", "cat/a.png"]
    assert REPORT.with_files(table[1:], "train")["file"].tolist() == ["cat/1.png"]
    assert UNNAMED.with_files(table) is table
    assert REPORT.with_files(table[:0]).columns.tolist() == ["image", "label", "file"]


def test_what_names_no_image_stays_as_it_is() -> None:
    pairs = pd.DataFrame({"true": ["cat"], "predicted": ["dog"], "images": [3]})
    pd.testing.assert_frame_equal(REPORT.with_files(pairs), pairs)
