from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addons.label_errors import section
from pipeline.addons.label_errors import stage as cross_validate
from pipeline.addons.label_errors.settings import Settings
from pipeline.base import files
from pipeline.config import loading
from tests import evaluations
from tests.conftest import ROOT
from tests.stages.test_dvc import STAGES

DEMO = loading.load(ROOT / "recipes" / "demo.yaml")


@given(st.integers(cross_validate.FOLDS, 10_000))
def test_every_image_is_held_out_of_one_fold_and_learnt_from_in_the_others(images: int) -> None:
    parts = [cross_validate.divided(images, fold) for fold in range(cross_validate.FOLDS)]
    assert sorted(np.concatenate([held_out for _, held_out in parts])) == list(range(images))
    for seen, held_out in parts:
        assert len(np.intersect1d(seen, held_out)) == 0
        assert len(seen) + len(held_out) == images
        assert abs(len(held_out) - images / cross_validate.FOLDS) < 1


def test_the_stages_are_the_folds() -> None:
    assert STAGES["cross_validate"]["matrix"]["fold"] == list(range(cross_validate.FOLDS))


def test_folds_are_put_in_the_order_of_the_images(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).random((23, 3)).astype(np.float32)
    for fold in range(cross_validate.FOLDS):
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
    whole = {"images": np.arange(120), "probabilities": probabilities}
    files.write_arrays(tmp_path / "evaluations/cross_validated/vgg/0.npz", whole)
    found = section.section(asked)
    table = found.files["failures/label_errors_train"]
    assert isinstance(table, pd.DataFrame)
    assert table[["image", "label", "suggested"]].to_numpy().tolist() == [[101, "cat", "dog"]]
    assert "of the training part" in found.text


def test_what_is_not_asked_for_any_more_goes(tmp_path: Path) -> None:
    for name in ("vgg/0", "baseline/0"):
        files.write_arrays(tmp_path / f"{name}.npz", {"images": np.arange(1), "probabilities": np.ones((1, 2))})
    section.cross_validated(tmp_path, ["vgg"])
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.npz")) == ["vgg/0.npz"]


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    raw = files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"label_errors": {"models": ["vvg"]}}
    with pytest.raises(Exception, match=r"label_errors\.models: vvg is unknown; did you mean vgg\?"):
        loading.validate(raw)


def test_a_model_named_twice_is_refused() -> None:
    raw = files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"label_errors": {"models": ["vgg", "vgg"]}}
    with pytest.raises(Exception, match=r"label_errors\.models: vgg stands there twice: name it once"):
        loading.validate(raw)
