"""Hold metrics to the gate of params.yaml: `python -m pipeline gate`, exit 1 if any check fails.

It also exits 1 if params.yaml or the code has changed since `dvc repro`; `--stale` checks what is there all the same.
"""

import argparse
import io
import sys
from typing import Any

import pandas as pd

from pipeline import addons
from pipeline.base import errors, files, tables
from pipeline.config import loading
from pipeline.config.gate import Gate
from pipeline.config.schema import Params, Training
from pipeline.config.section import at
from pipeline.evaluation import checks
from pipeline.evaluation.checks import Check
from pipeline.tracking import paths, stale


def main() -> None:
    """Print the table of all checks; exit 1 and name every failure if there is one."""
    parser = argparse.ArgumentParser("python -m pipeline gate", description=__doc__)
    parser.add_argument("--stale", action="store_true", help="check also where params.yaml or code has changed since")
    given, params = parser.parse_args(), loading.load()
    gates = {model: params.gate_of(model) for model in params.models}
    if all(gate == Gate() for gate in gates.values()):
        raise errors.InputError("params.yaml: gate has no limit, so there is nothing to check: add one, as in recipes/")
    found = [check for model, gate in gates.items() for check in of_model(params, model, gate)]
    require_current(params, given.stale)
    print(tables.for_terminal(checks.table(found)))
    failed = [f"{check.model} {check.metric}" for check in found if not check.passed]
    if failed:
        print(f"\n{len(failed)} of {len(found)} checks failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)
    print(f"\nall {len(found)} checks passed")


def require_current(params: Params, all_the_same: bool) -> None:
    """Say which trainings are stale, if any, and exit 1 unless they are to be checked all the same."""
    together = any(params.gate_of(model).together for model in params.models)
    if lines := stale.reasons(params.trainings, ["report"] if together else []):
        print("\n".join(lines), file=sys.stderr)
        if not all_the_same:
            print("nothing was checked; --stale checks what is there all the same", file=sys.stderr)
            sys.exit(1)


def of_model(params: Params, model: str, gate: Gate) -> list[Check]:
    """List the checks of one model: of the metrics in reports/, and of the working tree against other revisions."""
    metrics = [addons.with_metrics(read_metrics(one), gate.metrics, one) for one in params.trainings_of(model)]
    found = checks.within_bounds(gate, model, metrics)
    if gate.together:
        found += checks.of_all_seeds(gate, model, read_together(model))
    if gate.revisions:
        compare = addons.functions("checks", "against_revisions")
        if not compare:
            asked = f"params.yaml: gate holds {model} against {gate.revisions[0]}"
            raise errors.InputError(f"{asked}, and no add-on here compares revisions: bring one back, or ask for less")
        found += [check for against_revisions in compare for check in against_revisions(model, gate)]
    return found


def read_metrics(training: Training) -> dict[str, Any]:
    """Read metrics.json, and under `test`, as in `recall: {Shirt: 0.7}`, the metrics of each class in per_class.csv."""
    metrics: dict[str, Any] = files.read_json(path := paths.metrics(training))
    per_class = io.StringIO(files.read_text(path.with_name("per_class.csv")), newline="")
    table = pd.read_csv(per_class, dtype={"class": str}, keep_default_na=False)  # a class may be named 007, or NA
    by_class = table.set_index("class").drop(columns="support").to_dict()
    return metrics | {"test": metrics["test"] | by_class}


def read_together(model: str) -> dict[str, float]:
    """Read the metrics of a model's networks together; raise `InputError` where there are none."""
    path = paths.REPORTS / "models.json"
    metrics: dict[str, float] | None = at(files.read_json(path), f"{model}.together")
    if metrics is None:
        raise errors.InputError(f"{path} has no {model}.together: `dvc repro` makes it")
    return metrics
