"""Hold metrics to the floors of params.yaml: `python -m pipeline.gate`, exit 1 if any is below its floor."""

import sys
from pathlib import Path
from typing import Any

from pipeline import errors, files, params
from pipeline.explain import unknown_key
from pipeline.schema import EVERY_MODEL, Params, leaves

Check = tuple[str, str, float, float]


def checks(settings: Params, metrics: dict[str, dict[str, Any]]) -> list[Check]:
    """List (model, metric, value, floor) for every floor, a model's own in place of every model's.

    `metrics` maps models to what their metrics.json holds. Raise `InputError` for a metric that is not there.
    """
    found = []
    for model in settings.models:
        floors = dict(leaves(settings.gate.get(EVERY_MODEL, {}))) | dict(leaves(settings.gate.get(model, {})))
        values = dict(leaves(metrics[model]))
        for metric, floor in floors.items():
            if metric not in values:
                raise errors.InputError(f"params.yaml: gate: {unknown_key(metric, values)}")
            found.append((model, metric, float(values[metric]), float(floor)))
    return found


def table(found: list[Check]) -> str:
    """Write checks as an aligned table, the failed ones marked."""
    rows = [("model", "metric", "value", "floor", "")]
    rows += [
        (model, metric, f"{value:.4f}", f"{floor:.4f}", _verdict(value, floor)) for model, metric, value, floor in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(map(_aligned, row, widths, range(5))).rstrip() for row in rows)


def main() -> None:
    """Print the table of all checks; exit 1 and name every failure if there is one."""
    reports = Path(sys.argv[1] if len(sys.argv) > 1 else "reports")
    settings = params.load()
    if not any(settings.gate.values()):
        raise errors.InputError(
            "params.yaml: gate has no floors, so there is nothing to check: add one, as in recipes/"
        )
    found = checks(settings, {model: files.read_json(reports / model / "metrics.json") for model in settings.models})
    print(table(found))
    failed = [f"{model} {metric}" for model, metric, value, floor in found if not value >= floor]
    if failed:
        print(f"\n{len(failed)} of {len(found)} checks failed: {', '.join(failed)}", file=sys.stderr)
        sys.exit(1)
    print(f"\nall {len(found)} checks passed")


def _verdict(value: float, floor: float) -> str:
    return "ok" if value >= floor else "FAILED"


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in (2, 3) else cell.ljust(width)


if __name__ == "__main__":
    errors.run(main)
