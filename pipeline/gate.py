"""Hold metrics to the floors of params.yaml: `python -m pipeline.gate [REPORTS]`, exit 1 if any is below its floor."""

import csv
import io
import sys
from pathlib import Path
from typing import Any

from pipeline.base import errors, files, tables
from pipeline.config import loading
from pipeline.config.schema import Training
from pipeline.evaluation import floors
from pipeline.runs import paths


def main() -> None:
    """Print the table of all checks; exit 1 and name every failure if there is one."""
    reports = Path(sys.argv[1]) if len(sys.argv) > 1 else paths.REPORTS
    params = loading.load()
    if not any(params.gate.values()):
        raise errors.InputError(
            "params.yaml: gate has no floors, so there is nothing to check: add one, as in recipes/"
        )
    scores = {
        model: [read_scores(training, reports) for training in params.trainings_of(model)] for model in params.models
    }
    checks = floors.checks(params, scores)
    print(tables.for_terminal(floors.table(checks)))
    failed = [f"{check.model} {check.metric}" for check in checks if not check.passed]
    if failed:
        print(f"\n{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)
    print(f"\nall {len(checks)} checks passed")


def read_scores(training: Training, reports: Path) -> dict[str, Any]:
    """Read metrics.json, and under `test`, as in `recall: {Shirt: 0.7}`, the scores of each class in per_class.csv."""
    scores: dict[str, Any] = files.read_json(metrics := paths.metrics(training, reports))
    # csv leaves a class named 007 as it is, where pandas would read a number
    rows = list(csv.DictReader(io.StringIO(files.read_text(metrics.with_name("per_class.csv")), newline="")))
    by_class = {name: {row["class"]: float(row[name]) for row in rows} for name in ("precision", "recall", "f1")}
    return scores | {"test": scores["test"] | by_class}


if __name__ == "__main__":
    errors.run(main)
