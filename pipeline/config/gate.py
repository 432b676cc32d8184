"""The section `gate` of params.yaml: what metrics must be."""

import math
from typing import Any

from pydantic import Field, model_validator

from pipeline.config.section import Fraction, NotNegative, Section, Text, leaves

# What the names of metrics end in:
LOWER_IS_BETTER = ("loss", "error", "changed_classes", "greatest_difference", "bytes")
HIGHER_IS_BETTER = ("accuracy", "precision", "recall", "f1")
TOGETHER = "together."  # what the names of metrics begin with that are of all of a model's seeds together


class Bounds(Section):
    """The least and the greatest that metrics may be, laid out as reports/<training>/metrics.json."""

    at_least: dict[str, Any] = {}
    at_most: dict[str, Any] = {}

    @model_validator(mode="after")
    def _limits_are_numbers(self) -> "Bounds":
        for name, limits in (("at_least", self.at_least), ("at_most", self.at_most)):
            for path, limit in leaves(limits):
                if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
                    raise ValueError(f"{name}.{path}: {limit!r} is not a number")
                if path.endswith(LOWER_IS_BETTER) and limits is self.at_least:
                    raise ValueError(f"{name}.{path} would let the worst pass: put it under at_most")
                if path.endswith(HIGHER_IS_BETTER) and limits is self.at_most:
                    raise ValueError(f"{name}.{path} would let the worst pass: put it under at_least")
        return self


class NoWorse(Section):
    """A mean test accuracy at most `by` below that of a git revision."""

    revision: Text
    by: NotNegative = 0.0


class NotSignificantlyWorse(Section):
    """A test accuracy that is not below a git revision's by more than chance: one-sided, at `level`."""

    revision: Text
    level: Fraction = 0.05


class Gate(Bounds):
    """What a model's metrics must be: means over its seeds, `worst_seed` of each seed, and against a revision."""

    worst_seed: Bounds = Field(default_factory=Bounds)
    no_worse_than: NoWorse | None = None
    not_significantly_worse_than: NotSignificantlyWorse | None = None

    @property
    def metrics(self) -> list[str]:
        """The dotted names of the metrics that have a limit."""
        trees = [tree for bounds in (self, self.worst_seed) for tree in (bounds.at_least, bounds.at_most)]
        return list(dict.fromkeys(name for tree in trees for name, _ in leaves(tree)))

    @property
    def together(self) -> bool:
        """Whether anything is asked of the networks of all seeds together."""
        return any(name.startswith(TOGETHER) for name in self.metrics)

    @property
    def revisions(self) -> list[str]:
        """The git revisions that a model is held against."""
        return [relative.revision for relative in (self.no_worse_than, self.not_significantly_worse_than) if relative]

    def replaced_by(self, own: "Gate") -> "Gate":
        """Return the gate with `own`'s limits in place of those of the same metrics."""
        return Gate.model_validate(_replaced(self.model_dump(exclude_unset=True), own.model_dump(exclude_unset=True)))


def _replaced(tree: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return nested mappings with the values of `own` in place of those of the same path."""
    both = {key for key in tree.keys() & own.keys() if isinstance(tree[key], dict) and isinstance(own[key], dict)}
    return tree | own | {key: _replaced(tree[key], own[key]) for key in both}
