"""The comparison of all models as Markdown and as one HTML page that opens offline."""

import base64
import html
import itertools
from collections.abc import Mapping

import pandas as pd

from pipeline.base import tables
from pipeline.evaluation import significance
from pipeline.evaluation.records import Evaluation
from pipeline.evaluation.significance import Difference

Evaluations = Mapping[str, Evaluation]
MODEL_PICTURES = {  # what `evaluate` draws of one model
    "network": "network",
    "augmentations": "augmented",
    "learning curves": "learning_curves",
    "accuracies": "accuracies",
    "confusion": "confusion_matrix",
    "a prediction": "prediction",
    "mistakes": "mistakes",
}


def models_table(evaluations: Evaluations) -> pd.DataFrame:
    """Tabulate every model's accuracies, the test's with its 95 % interval, loss, parameters and size on disk."""
    return pd.DataFrame([_model_row(name, evaluation) for name, evaluation in evaluations.items()])


def differences_table(evaluations: Evaluations) -> pd.DataFrame:
    """Tabulate every pair of models on the same test images, with McNemar's p-value, adjusted for all the pairs."""
    pairs = list(itertools.combinations(evaluations, 2))
    differences = [_difference(evaluations[first], evaluations[second]) for first, second in pairs]
    p_values = significance.holm([difference.p_value for difference in differences])
    return pd.DataFrame(list(map(_pair_row, pairs, differences, p_values)))


def as_markdown(dataset: str, evaluations: Evaluations, pictures: Mapping[str, str]) -> str:
    """Write the comparison as Markdown, with links to each model's pictures; `pictures` maps captions to addresses."""
    lines = [f"# Models on {dataset}", "", tables.as_markdown(models_table(evaluations)), "", _NOTE, ""]
    if len(evaluations) > 1:
        table = tables.as_markdown(differences_table(evaluations))
        lines += ["## Which models the test images tell apart", "", table, "", _CAVEAT, ""]
    lines += ["## Each model by itself", "", *map(_links, evaluations), ""]
    for caption, address in pictures.items():
        lines += [f"## {caption}", "", f"![{caption}]({address})", ""]
    return "\n".join(lines)


def as_html(dataset: str, evaluations: Evaluations, pictures: Mapping[str, bytes]) -> str:
    """Write the comparison as one HTML page with its pictures, PNG bytes by caption, inside."""
    heading = f"<h1>Models on {html.escape(dataset)}</h1>"
    parts = [heading, tables.as_html(models_table(evaluations)), f"<p>{_NOTE}</p>"]
    if len(evaluations) > 1:
        table = tables.as_html(differences_table(evaluations))
        parts += ["<h2>Which models the test images tell apart</h2>", table, f"<p>{_CAVEAT}</p>"]
    for caption, content in pictures.items():
        source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        parts += [f"<h2>{html.escape(caption)}</h2>", f'<img src="{source}" alt="{html.escape(caption)}">']
    return _PAGE.format(title=html.escape(f"Models on {dataset}"), body="\n".join(parts))


def _links(model: str) -> str:
    return f"- {model}: " + ", ".join(f"[{caption}]({model}/{file}.png)" for caption, file in MODEL_PICTURES.items())


def _model_row(name: str, evaluation: Evaluation) -> dict[str, str]:
    scores = evaluation.scores
    low, high = significance.accuracy_interval(evaluation.test.labels, evaluation.test.probabilities)
    accuracy = {split: f"{scores[split]['accuracy']:.4f}" for split in evaluation.splits}
    return {
        "model": name,
        "test accuracy": accuracy["test"],
        "95 % interval": f"{low:.4f} – {high:.4f}",
        "test loss": f"{scores['test']['loss']:.4f}",
        "validation": accuracy.get("validation", "–"),
        "train": accuracy.get("train", "–"),
        "parameters": f"{scores['parameters']:,}",
        "model file": f"{scores['model_bytes'] / 1e6:.1f} MB",
    }


def _difference(first: Evaluation, second: Evaluation) -> Difference:
    return significance.difference(first.test.labels, first.test.probabilities, second.test.probabilities)


def _pair_row(pair: tuple[str, str], difference: Difference, p_value: float) -> dict[str, str]:
    return {
        "models": " – ".join(pair),
        "difference": f"{difference.accuracy:+.4f}",
        "only the first is right": str(difference.only_first),
        "only the second": str(difference.only_second),
        "p-value": f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001",
        "told apart": "yes" if p_value < 0.05 else "no",
    }


_NOTE = (
    "Accuracy is the share of images whose most probable class is the true one; the interval (Wilson) says what other "
    "test images of this kind might give. Loss is the mean cross-entropy."
)
_CAVEAT = (
    "McNemar's exact test on the images that only one of two models gets right, adjusted for the number of pairs "
    "(Holm); told apart means p < 0.05. It compares these trained networks, one seed each: other seeds would move the "
    "figures too."
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
