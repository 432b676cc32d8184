"""How often `python -m pipeline drift` is alarmed without cause, and how many corrupted pictures alarm it.

Of the test split's images and the probabilities of `vgg-42`, which `dvc repro` leaves on disk.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from pipeline.addons.drift import command, observations
from pipeline.addons.drift.observations import Observed
from pipeline.addons.robustness import corruptions
from pipeline.base import files
from pipeline.config.schema import Training
from pipeline.data import arrays
from pipeline.evaluation import records
from pipeline.tracking import paths

TRAINING = Training("vgg", 42)
CORRUPTIONS = tuple(corruptions.CORRUPTIONS)
NAMES = [str(number) for number in range(10)]
LOGS = (20, 50, 100, 300, 1000, 3000)  # pictures
REPEATS, CORRUPTED, STRENGTHS = 1000, 2000, (1, 3, 5)


def table() -> str:
    """Return both as Markdown tables."""
    from pipeline.network import saving, training  # here, so that a missing file is told at once

    images, _ = arrays.read(paths.TEST)
    evaluation = records.from_arrays(files.read_arrays(paths.evaluation(TRAINING)))
    model, test = saving.load(paths.model(TRAINING)), observations.observe(images, evaluation.test.probabilities)
    alarms = [f"| {count:,} | {false_alarms(test, count):.2%} |" for count in LOGS]
    chosen = np.random.default_rng(0).permutation(len(images))[:CORRUPTED]

    def noticed(name: str, strength: int) -> str:
        corrupted = corruptions.corrupted(images[chosen], name, strength)
        count = needed(test, observations.observe(corrupted, training.predict(model, corrupted)))
        return f"{count:,}" if count else f"over {LOGS[-2]:,}"

    rows = [f"| {name} | {' | '.join(noticed(name, level) for level in STRENGTHS)} |" for name in CORRUPTIONS]
    return "\n".join(
        [
            "| pictures in the log, like the test split's | false alarms |",
            "|---:|---:|",
            *alarms,
            "",
            f"| pictures needed, for an alarm nine times in ten | {' | '.join(f'strength {n}' for n in STRENGTHS)} |",
            "|---|" + "---:|" * len(STRENGTHS),
            *rows,
        ]
    )


def false_alarms(test: Observed, count: int) -> float:
    """Return the share of alarms by so many of the test images against others of them."""
    half = len(test["brightness"]) // 2

    def drawn(random: np.random.Generator) -> tuple[Observed, Observed]:
        order = random.permutation(2 * half)
        return some(test, order[:half]), some(test, order[half : half + count])

    return alarmed(drawn, REPEATS)


def needed(test: Observed, corrupted: Observed) -> int | None:
    """Return the first of `LOGS` at which nine logs in ten are alarming, or None."""

    def drawn(count: int, random: np.random.Generator) -> tuple[Observed, Observed]:
        return test, some(corrupted, random.permutation(CORRUPTED)[:count])

    return next((count for count in LOGS[:-1] if alarmed(partial(drawn, count), 50) >= 0.9), None)


def alarmed(drawn: Callable[[np.random.Generator], tuple[Observed, Observed]], repeats: int) -> float:
    """Return the share of drawn pairs that differ."""
    pairs = (drawn(np.random.default_rng(seed)) for seed in range(repeats))
    return float(np.mean([command.moved(command.compare(*pair, NAMES)) > 0 for pair in pairs]))


def some(observed: Observed, chosen: np.ndarray) -> Observed:
    """Return what is noted of the chosen images."""
    return {name: values[chosen] for name, values in observed.items()}
