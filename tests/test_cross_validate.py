from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.addons.label_errors import stage as cross_validate
from pipeline.base import files
from pipeline.config import loading
from pipeline.stages import report
from tests.conftest import ROOT
from tests.test_dvc import STAGES

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
    asked = DEMO.model_copy(update={"cross_validated": ["vgg"]})
    np.testing.assert_array_equal(report.cross_validated(tmp_path, asked), [whole])
    assert report.cross_validated(tmp_path, DEMO) == []


def test_what_is_not_asked_for_any_more_goes(tmp_path: Path) -> None:
    for name in ("vgg-42", "vgg-7", "cross_validated/vgg/0", "cross_validated/baseline/0"):
        files.write_arrays(tmp_path / f"{name}.npz", {})
    report.remove_others(tmp_path, DEMO.model_copy(update={"cross_validated": ["vgg"]}))
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.npz"))
    assert left == ["cross_validated/vgg/0.npz", "vgg-42.npz"]


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    raw = files.read_yaml(ROOT / "recipes" / "demo.yaml") | {"cross_validated": ["vvg"]}
    with pytest.raises(Exception, match=r"cross_validated: vvg is unknown; did you mean vgg\?"):
        loading.validate(raw)
