"""What is noted of a picture and of its answer: a few numbers, never the picture."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.base.errors import InputError, short

Observed = dict[str, np.ndarray]  # float64 of (n,) for each of PIXELS, and `probabilities` of (n, classes)
PIXELS = ("brightness", "contrast", "background", "detail")


def observe(images: np.ndarray, probabilities: np.ndarray) -> Observed:
    """Sum up uint8 images of (n, height, width, channels) and their probabilities of (n, classes).

    All are grey levels from 0 to 255: `brightness` is the mean of an image's pixels, `contrast` their standard
    deviation, `background` the mean of its four sides, `detail` the mean difference of neighbours in a row.
    """
    grey = images.mean(axis=3, dtype=np.float32)
    sides = (grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1])
    pixels = {
        "brightness": grey.mean(axis=(1, 2)),
        "contrast": grey.std(axis=(1, 2)),
        "background": np.concatenate(sides, axis=1).mean(axis=1),
        "detail": np.abs(np.diff(grey, axis=2)).sum(axis=(1, 2)) / max(1, grey[0, :, 1:].size),
    }
    return {name: values.astype(np.float64) for name, values in pixels.items()} | {"probabilities": probabilities}


def lines(observed: Observed, fingerprint: str) -> str:
    """Write a line of JSON for each image, with its training's fingerprint; two decimals, four of probabilities."""
    rows = zip(*(np.round(observed[name], 2).tolist() for name in PIXELS), strict=True)
    answers = np.round(observed["probabilities"].astype(np.float64), 4).tolist()
    entries = (
        {"fingerprint": fingerprint, **dict(zip(PIXELS, row, strict=True)), "probabilities": answer}
        for row, answer in zip(rows, answers, strict=True)
    )
    return "".join(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries)


def read(path: Path, classes: int) -> dict[str, Observed]:
    """Read a log as `parse` does; raise `InputError` for a missing or an empty one."""
    try:
        found = parse(path.read_text("utf-8"), str(path), classes)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): name the log of `serve --observe`") from None
    if not found:
        raise InputError(f"{path} holds no observation: serve with `--observe {path}`, and ask for some answers")
    return found


def parse(text: str, source: str, classes: int) -> dict[str, Observed]:
    """Return what was noted, by fingerprint, of the model that answered last at the end.

    A last line that is not whole yet is left out.

    Raise `InputError`, which begins with `source`, for a line that is no observation of so many classes.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), 1):
        if (entry := _entry(line, classes)) is None:
            raise InputError(
                f"{source}: line {number}: {short(line)} is no observation of {classes} classes: delete it"
            )
        found[entry["fingerprint"]] = found.pop(entry["fingerprint"], [])
        found[entry["fingerprint"]].append(entry)
    names = (*PIXELS, "probabilities")
    return {
        fingerprint: {name: np.array([entry[name] for entry in entries], np.float64) for name in names}
        for fingerprint, entries in found.items()
    }


def _entry(line: str, classes: int) -> dict[str, Any] | None:
    """Return what a line says, or None if that is no observation."""
    try:
        entry: dict[str, Any] = json.loads(line)
        numbers = [*(entry[name] for name in PIXELS), *entry["probabilities"]]
        whole = len(numbers) == len(PIXELS) + classes and np.isfinite(numbers).all()
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return entry if whole and isinstance(entry.get("fingerprint"), str) else None
