"""The comparison of all models as Markdown and as one HTML page that opens offline."""

import base64
import html
import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.base import tables
from pipeline.config.schema import Training
from pipeline.evaluation import significance
from pipeline.evaluation.records import Evaluation
from pipeline.evaluation.significance import Difference

Evaluations = Mapping[str, Mapping[int, Evaluation]]  # by model and seed
MODEL_PICTURES = {  # what `evaluate` draws of one model
    "network": "network",
    "augmentations": "augmented",
    "learning curves": "learning_curves",
    "accuracies": "accuracies",
    "confusion": "confusion_matrix",
    "a prediction": "prediction",
    "mistakes": "mistakes",
}


def by_training(evaluations: Evaluations) -> dict[str, Evaluation]:
    """Return every evaluation by its training's name, as `vgg-42`."""
    return {
        Training(model, seed).name: evaluation
        for model, seeds in evaluations.items()
        for seed, evaluation in seeds.items()
    }


def models_table(evaluations: Evaluations) -> pd.DataFrame:
    """Tabulate every model's accuracies, the test's with its 95 % interval, loss, parameters and size on disk.

    Of several seeds these are means, and the test accuracy's standard deviation and values stand beside it.
    """
    return pd.DataFrame([_model_row(name, list(seeds.values())) for name, seeds in evaluations.items()])


def differences(evaluations: Evaluations) -> dict[tuple[str, str], Difference]:
    """Compare every pair of models on the same test images, the p-values adjusted for all the pairs (Holm)."""
    right = {name: _right(seeds) for name, seeds in evaluations.items()}
    pairs = list(itertools.combinations(evaluations, 2))
    found = [significance.difference(right[first], right[second]) for first, second in pairs]
    adjusted = significance.holm([difference.p_value for difference in found])
    return {
        pair: replace(difference, p_value=p_value)
        for pair, difference, p_value in zip(pairs, found, adjusted, strict=True)
    }


def differences_table(evaluations: Evaluations) -> pd.DataFrame:
    """Tabulate what `differences` finds, a row a pair."""
    return pd.DataFrame([_pair_row(pair, found) for pair, found in differences(evaluations).items()])


def verdict(evaluations: Evaluations) -> str:
    """Say in words whether the most accurate model is better than each other one, beyond what is chance."""
    accuracies = {name: _right(seeds).mean() for name, seeds in evaluations.items()}
    best = max(accuracies, key=lambda name: float(accuracies[name]))
    if len(evaluations) == 1:
        low, high = significance.accuracy_interval(_right(evaluations[best]))
        return f"{best} has a test accuracy of {accuracies[best]:.4f} (95 % interval {low:.4f} to {high:.4f})."
    found = differences({best: evaluations[best]} | dict(evaluations))
    return "; ".join(_sentence(pair, difference) for pair, difference in found.items() if best in pair) + "."


def as_markdown(dataset: str, evaluations: Evaluations, pictures: Mapping[str, str]) -> str:
    """Write the comparison as Markdown, with links to each model's pictures; `pictures` maps captions to addresses."""
    lines = [f"# Models on {dataset}", "", f"**{verdict(evaluations)}**", ""]
    lines += [tables.as_markdown(models_table(evaluations)), "", _note(evaluations), ""]
    if len(evaluations) > 1:
        table = tables.as_markdown(differences_table(evaluations))
        lines += ["## Which models can be told apart", "", table, "", _caveat(evaluations), ""]
    lines += ["## Each model by itself", "", *map(_links, by_training(evaluations)), ""]
    for caption, address in pictures.items():
        lines += [f"## {caption}", "", f"![{caption}]({address})", ""]
    return "\n".join(lines)


def as_html(dataset: str, evaluations: Evaluations, pictures: Mapping[str, bytes]) -> str:
    """Write the comparison as one HTML page with its pictures, PNG bytes by caption, inside."""
    heading = f"<h1>Models on {html.escape(dataset)}</h1>"
    parts = [heading, f"<p><strong>{html.escape(verdict(evaluations))}</strong></p>"]
    parts += [tables.as_html(models_table(evaluations)), f"<p>{_note(evaluations)}</p>"]
    if len(evaluations) > 1:
        table = tables.as_html(differences_table(evaluations))
        parts += ["<h2>Which models can be told apart</h2>", table, f"<p>{_caveat(evaluations)}</p>"]
    for caption, content in pictures.items():
        source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        parts += [f"<h2>{html.escape(caption)}</h2>", f'<img src="{source}" alt="{html.escape(caption)}">']
    return _PAGE.format(title=html.escape(f"Models on {dataset}"), body="\n".join(parts))


def _right(seeds: Mapping[int, Evaluation]) -> np.ndarray:
    return np.array([evaluation.right for evaluation in seeds.values()])


def _sentence(pair: tuple[str, str], difference: Difference) -> str:
    first, second = pair
    if difference.p_value >= significance.LEVEL:
        return f"{first} and {second} cannot be told apart"
    by, low, high = (100 * value for value in (difference.accuracy, difference.low, difference.high))
    return f"{first} is better than {second} by {by:.1f} points (95 % interval {low:.1f} to {high:.1f})"


def _links(name: str) -> str:
    return f"- {name}: " + ", ".join(f"[{caption}]({name}/{file}.png)" for caption, file in MODEL_PICTURES.items())


def _model_row(name: str, seeds: list[Evaluation]) -> dict[str, str]:
    right = np.array([evaluation.right for evaluation in seeds])
    low, high = significance.accuracy_interval(right)
    return {
        "model": name,
        "test accuracy": f"{right.mean():.4f}",
        "95 % interval": f"{low:.4f} – {high:.4f}",
        **_by_seed(right.mean(axis=1)),
        "test loss": _mean(seeds, "test", "loss"),
        "validation": _mean(seeds, "validation"),
        "train": _mean(seeds, "train"),
        "parameters": f"{seeds[0].parameters:,}",
        "model file": f"{seeds[0].model_bytes / 1e6:.1f} MB",
    }


def _by_seed(accuracies: np.ndarray) -> dict[str, str]:
    if len(accuracies) == 1:
        return {}
    each = ", ".join(f"{accuracy:.4f}" for accuracy in accuracies)
    return {"deviation": f"{accuracies.std(ddof=1):.4f}", "of each seed": each}


def _mean(seeds: list[Evaluation], split: str, score: str = "accuracy") -> str:
    if split not in seeds[0].scores:
        return "–"
    return f"{np.mean([evaluation.scores[split][score] for evaluation in seeds]):.4f}"


def _pair_row(pair: tuple[str, str], difference: Difference) -> dict[str, str]:
    row = {
        "models": " – ".join(pair),
        "difference": f"{difference.accuracy:+.4f}",
        "95 % interval": f"{difference.low:+.4f} to {difference.high:+.4f}",
        "only the first is right": str(difference.only_first),
        "only the second": str(difference.only_second),
    }
    if difference.by_seeds is not None:
        row |= {"by images": f"{difference.by_images:.4f}", "by seeds": f"{difference.by_seeds:.4f}"}
    p_value = f"{difference.p_value:.3f}" if difference.p_value >= 0.001 else "< 0.001"
    return row | {"p-value": p_value, "told apart": "yes" if difference.p_value < significance.LEVEL else "no"}


def _several(evaluations: Evaluations) -> bool:
    return any(len(seeds) > 1 for seeds in evaluations.values())


def _note(evaluations: Evaluations) -> str:
    interval = _NOTE_OF_SEEDS if _several(evaluations) else _NOTE_OF_ONE_SEED
    return f"Accuracy is the share of images whose most probable class is the true one; {interval}"


def _caveat(evaluations: Evaluations) -> str:
    return _CAVEAT_OF_SEEDS if _several(evaluations) else _CAVEAT_OF_ONE_SEED


_NOTE_OF_ONE_SEED = (
    "the interval (Wilson) says what other test images of this kind might give. Loss is the mean cross-entropy."
)
_NOTE_OF_SEEDS = (
    "figures are means over the seeds, with the standard deviation and the value of each. The interval says what other "
    "test images of this kind and other seeds might give. Loss is the mean cross-entropy."
)
_CAVEAT_OF_ONE_SEED = (
    "McNemar's exact test on the images that only one of two models gets right, adjusted for the number of pairs "
    "(Holm); told apart means p < 0.05. The interval of one difference is Bonett and Price's. Both compare these "
    "trained networks, one seed each: other seeds would move the figures too."
)
_CAVEAT_OF_SEEDS = (
    "Only the first is right: images that it gets right with more of its seeds. By images and by seeds: the standard "
    "deviation of the difference that other test images and other seeds would bring. The p-value is of a t-test that "
    "takes both as chance (Satterthwaite's degrees of freedom), adjusted for the number of pairs (Holm); told apart "
    "means p < 0.05."
)
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse; display: block; overflow-x: auto; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 0.35rem 0.9rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
img {{ max-width: 100%; }}
p {{ color: #555; }}
</style>
{body}
</html>"""
