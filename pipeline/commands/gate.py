"""Hold metrics to the gate of params.yaml: `python -m pipeline gate [REPORTS]`, exit 1 if any check fails.

It also exits 1 if params.yaml or the code has changed since `dvc repro`; `--stale` checks what is there all the same.
"""

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import Any

from pipeline import addons
from pipeline.base import errors, files, tables
from pipeline.config import loading
from pipeline.config.gate import Gate
from pipeline.config.schema import Params, Training
from pipeline.evaluation import checks
from pipeline.evaluation.checks import Check
from pipeline.tracking import paths, stale, timing

BY_CLASS = ("precision", "recall", "f1")


def main() -> None:
    """Print the table of all checks; exit 1 and name every failure if there is one."""
    parser = argparse.ArgumentParser("python -m pipeline gate", description=__doc__)
    parser.add_argument(
        "reports", nargs="?", type=Path, default=paths.REPORTS, help="a folder of reports; reports/ if left out"
    )
    parser.add_argument("--stale", action="store_true", help="check also where params.yaml or code has changed since")
    given, params = parser.parse_args(), loading.load()
    gates = {model: params.gate_of(model) for model in params.models}
    if all(gate.empty for gate in gates.values()):
        raise errors.InputError("params.yaml: gate has no limit, so there is nothing to check: add one, as in recipes/")
    found = [check for model, gate in gates.items() for check in of_model(params, model, gate, given.reports)]
    if given.reports == paths.REPORTS:  # dvc.lock tells of no other
        require_current(params, given.stale)
    print(tables.for_terminal(checks.table(found)))
    failed = [f"{check.model} {check.metric}" for check in found if not check.passed]
    if failed:
        print(f"\n{len(failed)} of {len(found)} checks failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)
    print(f"\nall {len(found)} checks passed")


def require_current(params: Params, all_the_same: bool) -> None:
    """Say which trainings are stale, if any, and exit 1 unless they are to be checked all the same."""
    if lines := stale.reasons(params.trainings):
        print("\n".join(lines), file=sys.stderr)
        if not all_the_same:
            print("nothing was checked; --stale checks what is there all the same", file=sys.stderr)
            sys.exit(1)


def of_model(params: Params, model: str, gate: Gate, reports: Path) -> list[Check]:
    """List the checks of one model: of the metrics in `reports`, and of the working tree against other revisions."""
    trainings = params.trainings_of(model)
    metrics = [timing.added(read_metrics(training, reports), gate, training, reports) for training in trainings]
    found = checks.within_bounds(gate, model, metrics)
    if gate.revisions:
        compare = addons.functions("checks", "against_revisions")
        if not compare:
            asked = f"params.yaml: gate holds {model} against {gate.revisions[0]}"
            raise errors.InputError(f"{asked}, and no add-on here compares revisions: bring one back, or ask for less")
        found += [check for against_revisions in compare for check in against_revisions(model, gate)]
    return found


def read_metrics(training: Training, reports: Path) -> dict[str, Any]:
    """Read metrics.json, and under `test`, as in `recall: {Shirt: 0.7}`, the metrics of each class in per_class.csv."""
    metrics: dict[str, Any] = files.read_json(path := paths.metrics(training, reports))
    # csv leaves a class named 007 as it is, where pandas would read a number
    rows = list(csv.DictReader(io.StringIO(files.read_text(path.with_name("per_class.csv")), newline="")))
    by_class = {name: {row["class"]: float(row[name]) for row in rows} for name in BY_CLASS}
    return metrics | {"test": metrics["test"] | by_class}
