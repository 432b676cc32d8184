import numpy as np
import pandas as pd
import pytest

from pipeline.addons.calibration import section
from tests.pictures import is_whole

COVERAGE = pd.DataFrame({"coverage": [0.5, 1.0], "accuracy": [1.0, 0.75]})


def bins(images: list[int]) -> pd.DataFrame:
    """Make a table of bins, those without images without values."""
    ends = np.linspace(0, 1, len(images) + 1)
    table = pd.DataFrame({"low": ends[:-1], "high": ends[1:], "confidence": ends[1:], "accuracy": ends[:-1]})
    table.loc[np.array(images) == 0, ["confidence", "accuracy"]] = np.nan
    return table.assign(images=images)


@pytest.mark.parametrize("models", [1, 3, 9])
def test_nothing_is_clipped_at_the_edges(models: int) -> None:
    named = [f"model {index}" for index in range(models)]
    for figure in (
        section.draw_reliability(dict.fromkeys(named, bins([0, 3, 0, 90_000]))),
        section.draw_coverage(dict.fromkeys(named, COVERAGE)),
    ):
        assert is_whole(figure)


def test_reliability_draws_the_bins_that_have_images_and_the_diagonal() -> None:
    figure = section.draw_reliability({"a": bins([0, 3, 0, 7]), "b": bins([1, 1, 1, 1])})
    diagonal, first, second = figure.axes[0].get_lines()
    assert np.asarray(diagonal.get_xdata()).tolist() == np.asarray(diagonal.get_ydata()).tolist() == [0, 1]
    assert np.asarray(first.get_xdata()).tolist() == [0.5, 1.0]
    assert np.asarray(first.get_ydata()).tolist() == [0.25, 0.75]
    assert len(np.asarray(second.get_xdata())) == 4
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["as right as sure", "a", "b"]
    assert first.get_linestyle() != second.get_linestyle()
    assert first.get_marker() != second.get_marker()


def test_coverage_draws_accuracy_against_the_share() -> None:
    (line,) = section.draw_coverage({"a": COVERAGE}).axes[0].get_lines()
    assert np.asarray(line.get_xdata()).tolist() == [0.5, 1.0]
    assert np.asarray(line.get_ydata()).tolist() == [1.0, 0.75]
