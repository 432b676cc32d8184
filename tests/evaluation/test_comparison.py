import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config import loading
from pipeline.evaluation import comparison, summary
from pipeline.evaluation.extending import Document, ReportSection
from pipeline.evaluation.records import SPLITS, Evaluation, Picture, Predictions
from pipeline.stages import report
from tests.conftest import ROOT
from tests.stages.test_dvc import STAGES

NAMES = ["cat & dog", "fish"]


def evaluation(right: int) -> Evaluation:
    labels = np.tile([0, 1], 50)
    guesses = np.where(np.arange(100) < right, labels, 1 - labels)
    probabilities = np.where(np.eye(2)[guesses] > 0, 0.9, 0.1).astype(np.float32)
    splits = dict.fromkeys(SPLITS, Predictions(labels, probabilities))
    drawn = [Picture("drawn", "by an add-on", "")]
    return Evaluation(NAMES, 12_345, 2_500_000, pd.DataFrame({"epoch": [1.0]}), splits, pictures=drawn)


DEMO = loading.load(ROOT / "recipes" / "demo.yaml")
PARAMS = DEMO.model_copy(
    update={
        "models": {
            "small": DEMO.models["baseline"],
            **dict.fromkeys(("large", "like_large"), DEMO.models["vgg_augmented"]),
        }
    }
)
PLOTS = [next(iter(plot)) for stage in ("train", "evaluate") for plot in STAGES[stage]["plots"]]
MADE = {Path(plot).stem for plot in PLOTS if plot.endswith(".png")}
EVALUATIONS = {"small": {42: evaluation(80)}, "large": {42: evaluation(95)}, "like_large": {42: evaluation(94)}}
SEVERAL = {
    "small": {seed: evaluation(79 + seed) for seed in (1, 2, 3)},
    "large": {seed: evaluation(93 + seed) for seed in (1, 2, 3)},
}


def test_models_table_states_accuracy_interval_and_size() -> None:
    row = comparison.models_table(EVALUATIONS).iloc[0]
    assert row["model"] == "small"
    assert row["test accuracy"] == "0.8000"
    assert row["95 % interval"] == "0.7112 – 0.8666"  # Wilson's, by his formula
    assert row["parameters"] == "12,345"
    assert row["model file"] == "2.5 MB"


def test_differences_table_says_which_differences_are_significant() -> None:
    table = comparison.differences_table(EVALUATIONS)
    found = dict(zip(table["models"], table["significant"], strict=True))
    assert found == {"small – large": "yes", "small – like_large": "yes", "large – like_large": "no"}


def test_several_seeds_are_a_mean_a_deviation_and_every_value() -> None:
    row = comparison.models_table(SEVERAL).iloc[0]
    assert (row["test accuracy"], row["deviation"]) == ("0.8100", "0.0100")
    assert row["of each seed"] == "0.8000, 0.8100, 0.8200"


def test_below_a_model_of_several_seeds_stand_its_networks_together() -> None:
    """By the mean of three networks' probabilities, which is that of most of them: right where two are, 81 times."""
    table = comparison.models_table(SEVERAL)
    assert table["model"].tolist() == ["small", "small, 3 together", "large", "large, 3 together"]
    row = table.iloc[1]
    assert (row["test accuracy"], row["95 % interval"]) == ("0.8100", "0.7222 – 0.8749")  # Wilson's, by his formula
    assert (row["deviation"], row["of each seed"]) == ("–", "–")
    assert (row["validation"], row["train"]) == ("0.8100", "0.8100")
    loss = 80 * -np.log(0.9) - np.log((0.9 + 0.9 + 0.1) / 3) - np.log((0.9 + 0.1 + 0.1) / 3) - 18 * np.log(0.1)
    assert row["test loss"] == f"{loss / 100:.4f}"
    assert (row["parameters"], row["model file"]) == ("37,035", "7.5 MB")
    assert comparison.verdict(SEVERAL).count("together") == 0


def test_metrics_of_add_ons_have_a_column_and_networks_together_a_dash() -> None:
    seeds = {seed: replace(one, metrics={"robust_accuracy": 0.5}) for seed, one in SEVERAL["small"].items()}
    assert comparison.models_table({"small": seeds})["robust accuracy"].tolist() == ["0.5000", "–"]


def test_of_one_seed_nothing_is_together() -> None:
    assert comparison.models_table(EVALUATIONS)["model"].tolist() == list(EVALUATIONS)
    assert "ogether" not in summary.as_markdown(PARAMS, EVALUATIONS, [], {})
    assert report.headline(EVALUATIONS["small"]) == {"accuracy": 0.8, "parameters": 12_345}


def test_with_several_seeds_a_difference_tells_what_images_and_seeds_bring() -> None:
    (row,) = comparison.differences_table(SEVERAL).to_dict("records")
    assert (row["difference"], row["significant"]) == ("-0.1400", "yes")
    assert row["by seeds"] == f"{(2 * 0.01**2 / 3) ** 0.5:.4f}"
    assert "by seeds" not in comparison.differences_table(EVALUATIONS)


def test_verdict_says_how_the_best_model_stands_to_each_other() -> None:
    assert comparison.verdict(EVALUATIONS) == (
        "large is better than small by 15.0 points (95 % interval 7.3 to 22.1); "
        "large and like_large do not differ significantly."
    )
    assert comparison.verdict({"small": {42: evaluation(80)}}) == (
        "small has a test accuracy of 0.8000 (95 % interval 0.7112 to 0.8666)."
    )


def test_markdown_tables_are_aligned_and_pictures_are_referred_to() -> None:
    text = summary.as_markdown(PARAMS, EVALUATIONS, [], {})
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(line) for line in table.splitlines()}) == 1
    assert "![Learning curves](curves.png)" in text


def test_each_models_pictures_are_linked() -> None:
    text, core = summary.as_markdown(PARAMS, EVALUATIONS, [], {}), {*summary.MODEL_PICTURES.values()}
    assert core <= MADE
    for name in EVALUATIONS:
        linked = set(re.findall(rf"\]\({name}-42/(\w+)\.png\)", text))
        assert linked == {"drawn", *core}


def test_one_model_needs_no_differences() -> None:
    assert "ifferences" not in summary.as_markdown(PARAMS, {"small": {42: evaluation(80)}}, [], {})


@pytest.mark.parametrize("name", ["small", "large"])
def test_every_model_stands_in_the_summary(name: str) -> None:
    assert f"| {name} " in summary.as_markdown(PARAMS, EVALUATIONS, [], {})


def test_settings_say_how_each_model_was_made() -> None:
    first, *_, last = comparison.settings_table(DEMO).to_dict("records")
    assert first == {
        "model": "baseline",
        "network": "8 | 16 | 32 | dense 32",
        "epochs": "5",
        "batch": "32",
        "optimizer": "adam, learning rate 0.002, one cycle",
        "augmentation": "none",
    }
    assert last["augmentation"] == "rotation range, zoom range, shear range, width shift range, height shift range"


def test_what_add_ons_add_is_shown_or_linked() -> None:
    sections = [ReportSection("Weather", "It *rains*.")]
    documents = {"cards/small.md": Document("Card of small", "")}
    text = summary.as_markdown(PARAMS, EVALUATIONS, sections, documents)
    assert "## Weather\n\nIt *rains*.\n" in text
    assert "- [Card of small](cards/small.md)\n" in text


def test_an_evaluation_that_params_no_longer_ask_for_is_told_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("small-42.npz", "small-7.npz"):
        (tmp_path / name).touch()
    report.warn_of_others(tmp_path, ["small-42"])
    said = capsys.readouterr().err
    assert said.startswith(f"warning: {tmp_path / 'small-7.npz'}: params.yaml no longer asks for it")
    assert said.count("\n") == 1
    assert (tmp_path / "small-7.npz").exists()
