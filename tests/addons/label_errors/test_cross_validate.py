from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addons.label_errors import section
from pipeline.addons.label_errors import stage as cross_validate
from pipeline.addons.label_errors.settings import FOLDS, Settings
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config import loading
from tests import evaluations
from tests.conftest import ROOT
from tests.stages.test_dvc import STAGES

DEMO = loading.load(ROOT / "recipes" / "demo.yaml")


@given(st.integers(FOLDS, 10_000))
def test_every_image_is_held_out_of_one_fold_and_learnt_from_in_the_others(images: int) -> None:
    parts = [cross_validate.divided(images, fold) for fold in range(FOLDS)]
    assert sorted(np.concatenate([held_out for _, held_out in parts])) == list(range(images))
    for seen, held_out in parts:
        assert len(np.intersect1d(seen, held_out)) == 0
        assert len(seen) + len(held_out) == images
        assert abs(len(held_out) - images / FOLDS) < 1


def test_the_stages_are_the_folds() -> None:
    assert STAGES["cross_validate"]["matrix"]["fold"] == list(range(FOLDS))


def test_folds_are_put_in_the_order_of_the_images(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).random((23, 3)).astype(np.float32)
    for fold in range(FOLDS):
        _, held_out = cross_validate.divided(23, fold)
        files.write_arrays(tmp_path / "vgg" / f"{fold}.npz", {"images": held_out, "probabilities": whole[held_out]})
    (tmp_path / "vgg" / ".gitignore").touch()  # DVC writes one
    np.testing.assert_array_equal(section.cross_validated(tmp_path, ["vgg"]), [whole])
    assert section.cross_validated(tmp_path, []) == []


def test_wrong_labels_of_the_training_part_are_found_by_models_that_have_not_seen_it(tmp_path: Path) -> None:
    made, true = evaluations.evaluations(["cat", "dog"]), np.arange(120) % 2
    labels = true.copy()
    labels[101] = 0
    report = evaluations.report(made, tmp_path, evaluations.pictures(), labels)
    assert "failures/label_errors_train" not in section.section(report).files
    asked = replace(report, params=DEMO.model_copy(update={"label_errors": Settings(models=["vgg"])}))
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9]])[true]
    for fold in range(FOLDS):
        images = np.arange(fold, 120, FOLDS)
        part = {"images": images, "probabilities": probabilities[images]}
        files.write_arrays(tmp_path / f"evaluations/cross_validated/vgg/{fold}.npz", part)
    found = section.section(asked)
    table = found.files["failures/label_errors_train"]
    assert isinstance(table, pd.DataFrame)
    assert table[["image", "label", "suggested"]].to_numpy().tolist() == [[101, "cat", "dog"]]
    assert "of the training part" in found.text


def test_what_is_not_asked_for_any_more_goes(tmp_path: Path) -> None:
    for model in ("vgg", "baseline"):
        for fold in range(FOLDS):
            arrays = {"images": np.arange(1), "probabilities": np.ones((1, 2))}
            files.write_arrays(tmp_path / model / f"{fold}.npz", arrays)
    (tmp_path / ".DS_Store").touch()
    section.cross_validated(tmp_path, ["vgg"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".DS_Store", "vgg"]


def test_a_fold_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"vgg/0\.npz is missing: `dvc repro` makes it"):
        section.cross_validated(tmp_path, ["vgg"])


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    raw = files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"label_errors": {"models": ["vvg"]}}
    with pytest.raises(Exception, match=r"label_errors\.models: vvg is unknown; did you mean vgg\?"):
        loading.validate(raw)


def test_a_model_named_twice_is_refused() -> None:
    raw = files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"label_errors": {"models": ["vgg", "vgg"]}}
    with pytest.raises(Exception, match=r"label_errors\.models: vgg stands there twice: name it once"):
        loading.validate(raw)
