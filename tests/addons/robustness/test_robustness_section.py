from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pipeline.addons.robustness import section
from pipeline.addons.robustness.corruptions import CORRUPTIONS, STRENGTHS
from tests import evaluations
from tests.pictures import is_whole, shown

PLAIN = evaluations.evaluations(["cat", "dog"], seeds=(1, 2))


def measured(level: float) -> pd.DataFrame:
    rows = [(name, strength, "a little", level - strength / 10) for name in CORRUPTIONS for strength in STRENGTHS]
    return pd.DataFrame(rows, columns=["corruption", "strength", "change", "accuracy"])


def test_models_are_compared_by_the_means_of_their_seeds(tmp_path: Path) -> None:
    made = {
        model: {seed: replace(one, tables={"robustness": measured(0.8 if seed == 1 else 1.0)}) for seed, one in seeds}
        for model, seeds in ((model, by_seed.items()) for model, by_seed in PLAIN.items())
    }
    found = section.section(evaluations.report(made, tmp_path, evaluations.pictures()))
    assert found
    table, curves, examples = found.files.values()
    assert isinstance(table, pd.DataFrame)
    assert isinstance(curves, Figure)
    assert isinstance(examples, Figure)
    assert table["model"].unique().tolist() == ["small", "large"]
    assert table["accuracy"].round(9).tolist() == [0.8, 0.7, 0.6, 0.5, 0.4] * 7 * 2
    assert [axes.get_title() for axes in curves.axes] == [*CORRUPTIONS, "mean of all"]
    assert len(shown(examples)) == 35
    assert is_whole(curves)
    assert is_whole(examples)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in found.by_model["small"].splitlines()]
    assert ["occlusion", "0.8000", "0.7000", "0.6000", "0.5000", "0.4000", "0.6000"] in rows


def test_without_measurements_there_is_no_section(tmp_path: Path) -> None:
    assert section.section(evaluations.report(PLAIN, tmp_path, evaluations.pictures())) is None
