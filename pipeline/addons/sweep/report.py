"""What a sweep tells: a line a trial, a table, a page with pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.addons.sweep import sampling, space, trials
from pipeline.addons.sweep.plan import Plan
from pipeline.addons.sweep.trials import COMPLETE, FAILED, PRUNED, RUNNING, Trial
from pipeline.base import files, tables
from pipeline.base.errors import short

PICTURES = {
    "history": "Each trial in its order, and the best so far",
    "front": "What one objective costs in the other; no trial beats one of the line in both",
    "importance": "How much of the variance between trials each key accounts for (fANOVA)",
    "slices": "Each key's values",
}


def line(plan: Plan, known: list[Trial], ended: Trial, count: int | None, seconds: float | None) -> str:
    """Tell in a line how a trial ended, the best so far, and how many are left, for about how many seconds."""
    came_of_it = {PRUNED: f"pruned after epoch {len(ended.epochs)}", FAILED: f"failed: {ended.reason}"}
    parts = [
        f"trial {ended.number}: {space.told(ended.values)}",
        came_of_it.get(ended.state) or _scores(plan, ended),
        f"{ended.seconds:.0f} s",
        _best(plan, known),
    ]
    if count is not None:
        parts.append(f"{count} left")
    if seconds is not None and count != 0:
        parts.append(f"about {_duration(seconds)}")
    return "; ".join(parts)


def table(plan: Plan, known: list[Trial]) -> pd.DataFrame:
    """Tabulate trials that have ended, the best first: values, what the sweep chooses by, seconds, and what came of it.

    Complete ones on the front, or the best one, are marked by a star.
    """
    best = trials.best(plan.sweep, known)
    others = [trial for trial in known if trial.state == COMPLETE and trial not in best]
    others.sort(key=lambda trial: trials.costs(plan.sweep, trial))
    ended_early = [trial for state in (PRUNED, FAILED) for trial in known if trial.state == state]
    return pd.DataFrame([_row(plan, trial, trial in best) for trial in [*best, *others, *ended_early]])


def page(plan: Plan, known: list[Trial], pictures: Mapping[str, Path]) -> str:
    """Write the report in Markdown; `pictures` are files beside it by their names in `PICTURES`."""
    states = pd.Series([trial.state for trial in known]).value_counts()
    counts = ", ".join(f"{states[state]} {state}" for state in (COMPLETE, PRUNED, FAILED, RUNNING) if state in states)
    best = trials.best(plan.sweep, known)
    command = f"python -m pipeline sweep {plan.source} --apply {best[0].number}" if best else ""
    sections = [
        f"# Sweep {plan.name}",
        f"Trainings of `{plan.sweep.model}` with other values, sampled by {plan.sweep.sampler} with seed "
        f"{plan.sweep.seed}: {counts}. {_best(plan, known).capitalize()}.",
        tables.as_markdown(table(plan, known)),
        f"`{command}` writes trial {best[0].number} into params.yaml." if best else "",
        *(f"## {name.capitalize()}\n\n{PICTURES[name]}.\n\n![{name}]({path.name})" for name, path in pictures.items()),
    ]
    return "\n\n".join(section for section in sections if section)


def write(plan: Plan, known: list[Trial], folder: Path) -> list[Path]:
    """Write the page and its pictures into a folder, and list these files."""
    pictures = _pictures(plan, known)
    made = {name: folder / f"{name}.png" for name in pictures}
    for name, path in made.items():
        files.write_bytes(path, pictures[name])
    files.write_text(folder / "README.md", page(plan, known, made))
    return [folder / "README.md", *made.values()]


def _pictures(plan: Plan, known: list[Trial]) -> dict[str, bytes]:
    from pipeline.addons.sweep import figure
    from pipeline.figures import png  # here, since matplotlib takes a second

    best, found = trials.best(plan.sweep, known), frame(plan, known)
    ways, keys = plan.sweep.objectives, list(plan.sweep.space)
    if not best:
        return {}
    figures = {"history": figure.history(found, ways)}
    if len(ways) > 1:
        figures["front"] = figure.front(found, list(ways)[:2], [trial.number for trial in best])
    found_shares = ((name, sampling.importance(plan.sweep, known, index)) for index, name in enumerate(ways))
    if shares := {name: found for name, found in found_shares if found}:
        figures["importance"] = figure.importance(shares)
    figures["slices"] = figure.slices(found, keys, next(iter(ways)))
    return {name: png.encode(figure) for name, figure in figures.items()}


def frame(plan: Plan, known: list[Trial]) -> pd.DataFrame:
    """Tabulate all trials for drawing: `number`, a column for each key, and one for each objective, NaN where none."""
    rows = [
        {"number": trial.number} | {key: _plain(value) for key, value in trial.values.items()} | trial.scores
        for trial in known
    ]
    return pd.DataFrame(rows, columns=["number", *plan.sweep.space, *plan.sweep.objectives])


def _row(plan: Plan, trial: Trial, best: bool) -> dict[str, Any]:
    values = {key: _value(trial.values[key]) if key in trial.values else "–" for key in plan.sweep.space}
    scores = {name: _figure(trial.scores[name]) if trial.scores else "–" for name in plan.sweep.objectives}
    state = f"pruned after epoch {len(trial.epochs)}" if trial.state == PRUNED else trial.state
    return {"trial": f"{trial.number}{' *' * best}"} | values | scores | {"seconds": f"{trial.seconds:.0f}", "": state}


def _best(plan: Plan, known: list[Trial]) -> str:
    best = trials.best(plan.sweep, known)
    if len(plan.sweep.objectives) > 1 and best:
        return "front: " + ", ".join(str(trial.number) for trial in best)
    return f"best: {_scores(plan, best[0])} (trial {best[0].number})" if best else "none complete yet"


def _scores(plan: Plan, trial: Trial) -> str:
    return ", ".join(f"{name} {_figure(trial.scores[name])}" for name in plan.sweep.objectives)


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if value < 1e-3 else f"{value:.4f}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else short(value)


def _value(value: Any) -> Any:
    return f"{value:g}" if isinstance(value, float) else _plain(value)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
