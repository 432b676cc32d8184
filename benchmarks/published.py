"""What each published system's recipe gives here, beside its published figure: `dvc repro` in a clone of its own.

Clones stay in `.benchmarks/`, so that a run that was killed goes on where it was. A dataset whose published files are
not to be had is taken from a mirror's folder `NAME-idx`, such as `mnist-idx`: the same as IDX files, whose packed bytes
need not be the published ones.
"""

import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import clones
from pipeline.base import files
from pipeline.config import loading
from pipeline.config.schema import Params
from pipeline.config.section import at, leaves
from pipeline.tracking import paths

RECIPES = Path("recipes/published")
NAMES = (  # the quickest first, so that a run that is interrupted has most rows
    *("dense_only", "letters_dense", "letters_batch_norm", "mnist_sgd", "cifar10_sgd", "two_convolutions_dropout"),
    *("mnist_adam", "linear", "two_convolutions", "cifar10_adam", "letters_convolutions", "vgg", "vgg_augmented"),
)
SEEDS = {"two_convolutions": [42, 43, 44]}  # where the seed decides whether the published figure is reached
HEAD = """\
| recipe | data | accuracy on | published (the gate's floor) | here | seconds of training |
|---|---|---|---:|---:|---:|"""


def table() -> Iterator[str]:
    """Train each recipe whose data is at hand, and yield the whole Markdown table after each."""
    recipes = [files.read_yaml(RECIPES / f"{name}.yaml") for name in NAMES]
    rows = [row(loading.validate(raw), "not trained yet") for raw in recipes]
    for index, (name, raw) in enumerate(zip(NAMES, recipes, strict=True)):
        rows[index] = trained(raw | {"seeds": SEEDS.get(name, raw["seeds"])})
        yield "\n".join([HEAD, *rows])


def trained(recipe: dict[str, Any]) -> str:
    """Train a recipe, or go on with it, and return its row, which says so where its data is not at hand."""
    for raw in from_each_source(recipe):
        params = loading.validate(raw)
        folder = clones.kept(f"published-{'-'.join(params.models)}-{params.fetch.dataset_name}")
        if not folder.exists():
            clones.make(folder, raw)
        if subprocess.run(["dvc", "repro", "fetch"], cwd=folder, check=False).returncode == 0:
            subprocess.run(["dvc", "repro"], cwd=folder, check=True)
            return row(params, *measured(params, folder))
    return row(loading.validate(recipe), "data not at hand")


def from_each_source(recipe: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the recipe as it is, then with its data as IDX files, for each of its mirrors that has such a folder."""
    yield recipe
    fetch = recipe["fetch"]
    for mirror in fetch["mirrors"]:
        folder = Path(mirror, f"{fetch['dataset'].replace('_', '-')}-idx").resolve()
        if folder.is_dir():
            yield recipe | {"fetch": fetch | {"dataset": {"name": "idx_folder", "path": str(folder)}}}


def published(params: Params) -> tuple[str, float | None]:
    """Return the metric that a recipe's gate holds to the published figure, and this figure; None if there is none."""
    (name,) = params.models
    return next(leaves(params.gate_of(name).at_least), ("test.accuracy", None))


def measured(params: Params, folder: Path) -> tuple[str, str]:
    """Return what a recipe's trainings reached, of several their mean and deviation, and the seconds each took."""
    metric, _ = published(params)
    found = [at(files.read_json(paths.metrics(training, folder / "reports")), metric) for training in params.trainings]
    seconds = f"{clones.training_seconds(folder) / len(found):,.0f}"
    if len(found) == 1:
        return f"{found[0]:.4f}", seconds
    return f"{statistics.mean(found):.4f} ± {statistics.stdev(found):.4f}", f"{len(found)} × {seconds}"


def row(params: Params, here: str, seconds: str = "–") -> str:
    """Return a recipe's row of the table."""
    dataset, (metric, figure) = params.fetch.dataset, published(params)
    data = dataset if isinstance(dataset, str) else f"{params.fetch.dataset_name} ({dataset.name})"
    cells = [f"`{name}`" for name in params.models]
    cells += [data, metric.removesuffix(".accuracy"), "–" if figure is None else f"{figure:.4f}", here, seconds]
    return f"| {' | '.join(cells)} |"
