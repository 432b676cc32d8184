"""Holds a model to its accuracy at other git revisions, as the gate asks for it."""

import sys

from pipeline.config.gate import Gate
from pipeline.evaluation import checks
from pipeline.evaluation.checks import Check


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
    return checks.against_revisions(gate, model, differences)
