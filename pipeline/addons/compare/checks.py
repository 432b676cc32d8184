"""Holds a model to its accuracy at other git revisions, as the gate asks for it."""

import sys
from collections.abc import Mapping

from pipeline.config.gate import Gate
from pipeline.evaluation.checks import ACCURACY, Check
from pipeline.evaluation.significance import Difference


def against_revisions(model: str, gate: Gate) -> list[Check]:
    """Compare a model with itself at the revisions that the gate names; say so where it is not at one of them."""
    from pipeline.addons.compare import comparing  # here: DVC takes a second
    from pipeline.addons.compare.reading import revision

    differences = {}
    for name in dict.fromkeys(gate.revisions):
        if found := comparing.one_model(revision(name), revision(), model):
            differences[name] = found.difference
        else:
            print(f"{model} is new since {name}: not held against it", file=sys.stderr)
    return held(gate, model, differences)


def held(gate: Gate, model: str, differences: Mapping[str, Difference]) -> list[Check]:
    """List the checks of a model; `differences` say by how much it is more accurate than at each revision."""
    found = []
    no_worse, not_significantly = gate.no_worse_than, gate.not_significantly_worse_than
    if no_worse and (difference := differences.get(no_worse.revision)):
        found.append(Check(model, f"{ACCURACY} less {no_worse.revision}'s", difference.accuracy, "≥", -no_worse.by))
    if not_significantly and (difference := differences.get(not_significantly.revision)):
        metric = f"{ACCURACY} as in {not_significantly.revision}, p"
        found.append(Check(model, metric, p_worse(difference), "≥", not_significantly.level))
    return found


def p_worse(found: Difference) -> float:
    """Return the p-value of the first model's being worse, one-sided: all tests of a difference are symmetric."""
    return found.p_value / 2 if found.accuracy < 0 else 1 - found.p_value / 2
