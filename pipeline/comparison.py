"""The comparison of all models as Markdown and as one HTML page that opens offline."""

import base64
import html
import itertools
from collections.abc import Mapping

import numpy as np

from pipeline import metrics, significance

Evaluations = Mapping[str, Mapping[str, np.ndarray]]
Table = list[list[str]]
MODEL_PICTURES = {  # what `train` and `evaluate` draw of one model
    "network": "network",
    "augmentations": "augmented",
    "learning curves": "learning_curves",
    "accuracies": "accuracies",
    "confusion": "confusion_matrix",
    "a prediction": "prediction",
    "mistakes": "mistakes",
}


def models_table(evaluations: Evaluations) -> Table:
    """Tabulate every model's accuracies, the test's with its 95 % interval, loss, parameters and size on disk."""
    header = ["model", "test accuracy", "95 % interval", "test loss", "validation", "train", "parameters", "model file"]
    return [header, *(_model_row(name, evaluation) for name, evaluation in evaluations.items())]


def differences_table(evaluations: Evaluations) -> Table:
    """Tabulate every pair of models on the same test images, with McNemar's p-value, adjusted for all the pairs."""
    header = ["models", "difference", "only the first is right", "only the second", "p-value", "told apart"]
    pairs = list(itertools.combinations(evaluations, 2))
    compared = [significance.difference(*_labels_and_probabilities(evaluations, *pair)) for pair in pairs]
    p_values = significance.holm([difference["p_value"] for difference in compared])
    return [header, *map(_pair_row, pairs, compared, p_values)]


def as_markdown(dataset: str, evaluations: Evaluations, pictures: Mapping[str, str]) -> str:
    """Write the comparison as Markdown, with links to each model's pictures; `pictures` maps captions to addresses."""
    lines = [f"# Models on {dataset}", "", *_markdown_table(models_table(evaluations)), "", _NOTE, ""]
    if len(evaluations) > 1:
        lines += [
            "## Which models the test images tell apart",
            "",
            *_markdown_table(differences_table(evaluations)),
            "",
            _CAVEAT,
            "",
        ]
    lines += ["## Each model by itself", "", *map(_links, evaluations), ""]
    for caption, address in pictures.items():
        lines += [f"## {caption}", "", f"![{caption}]({address})", ""]
    return "\n".join(lines)


def as_html(dataset: str, evaluations: Evaluations, pictures: Mapping[str, bytes]) -> str:
    """Write the comparison as one HTML page with its pictures, PNG bytes by caption, inside."""
    parts = [f"<h1>Models on {html.escape(dataset)}</h1>", _html_table(models_table(evaluations)), f"<p>{_NOTE}</p>"]
    if len(evaluations) > 1:
        table = _html_table(differences_table(evaluations))
        parts += ["<h2>Which models the test images tell apart</h2>", table, f"<p>{_CAVEAT}</p>"]
    for caption, content in pictures.items():
        source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        parts += [f"<h2>{html.escape(caption)}</h2>", f'<img src="{source}" alt="{html.escape(caption)}">']
    return _PAGE.format(title=html.escape(f"Models on {dataset}"), body="\n".join(parts))


def _links(model: str) -> str:
    return f"- {model}: " + ", ".join(f"[{caption}]({model}/{file}.png)" for caption, file in MODEL_PICTURES.items())


def _model_row(name: str, evaluation: Mapping[str, np.ndarray]) -> list[str]:
    scores = metrics.scores(evaluation)
    low, high = significance.accuracy_interval(evaluation["test_labels"], evaluation["test_probabilities"])
    accuracies = [f"{scores[split]['accuracy']:.4f}" if split in scores else "–" for split in ("validation", "train")]
    size = f"{scores['model_bytes'] / 1e6:.1f} MB"
    test = [f"{scores['test']['accuracy']:.4f}", f"{low:.4f} – {high:.4f}", f"{scores['test']['loss']:.4f}"]
    return [name, *test, *accuracies, f"{scores['parameters']:,}", size]


def _labels_and_probabilities(evaluations: Evaluations, first: str, second: str) -> tuple[np.ndarray, ...]:
    both = (evaluations[name]["test_probabilities"] for name in (first, second))
    return evaluations[first]["test_labels"], *both


def _pair_row(pair: tuple[str, str], compared: Mapping[str, float], p_value: float) -> list[str]:
    return [
        " – ".join(pair),
        f"{compared['difference']:+.4f}",
        str(compared["only_first"]),
        str(compared["only_second"]),
        f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001",
        "yes" if p_value < 0.05 else "no",
    ]


def _markdown_table(table: Table) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    first, *others = widths
    ruler = ["-" * first, *("-" * (width - 1) + ":" for width in others)]
    padded = [[row[0].ljust(first), *map(str.rjust, row[1:], others)] for row in table]
    return [f"| {' | '.join(row)} |" for row in (padded[0], ruler, *padded[1:])]


def _html_table(table: Table) -> str:
    header, *rows = [[html.escape(cell) for cell in row] for row in table]
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in header) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


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
