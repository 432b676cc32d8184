"""Score many pictures by a trained model, resumably: `python -m pipeline score INPUT --model NAME --out DIR`."""

import argparse
import hashlib
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from pipeline.addons.predict import trained

EPILOG = (
    "INPUT is a folder, of which every PNG and JPEG file is scored, however deep, its path there being its id; or an "
    ".npy file of uint8 images, (n, height, width, channels), with the row's number as id. DIR gets part-00000.parquet "
    "and so on, each with id, class, probability and every class's probability, and _unreadable.csv. Run again after a "
    "kill, it scores what is missing. With Ray (pipeline/addons/ray/README.md), parts are scored at once; every "
    "machine must then see INPUT and DIR."
)


def main() -> None:
    """Score what the command line names, part by part, and tell how many pictures a second."""
    options = _options()
    model = trained.champion() if options.model == "champion" else trained.on_disk(options.model)
    from pipeline.addons.score import inputs, parts, scorer  # here, so that help does not wait for pyarrow

    out, shape = options.out.resolve(), model.shape
    with parts.alone(out):
        listed = inputs.listed(options.input, shape)
        from pipeline.network import saving  # here, so that bad input is refused at once

        content = saving.to_bytes(model.load())  # the same weights, the same bytes, wherever it came from
        job = scorer.Job(listed, shape, model.classes, out, scorer.part_images(shape))
        decides = {"model": hashlib.sha256(content).hexdigest(), "classes": job.class_names, "input": listed.digest}
        parts.begin(out, decides | {"images a part": job.part_images}, content)
        missing = job.missing()
        _tell(scorer.scored(job, missing, options.at_once), len(missing))
        bad, count = parts.unreadable(out), len(listed.names)
    print(f"{options.out} has the scores of {count - bad:,} images")
    if bad:
        print(f"pictures that cannot be read: {bad:,} of {count:,}, named in {options.out / parts.UNREADABLE}")


def _options() -> Any:
    parser = argparse.ArgumentParser(
        "python -m pipeline score",
        description="Score many pictures by a trained model, resumably.",
        epilog=EPILOG,
        allow_abbrev=False,
    )
    parser.add_argument("input", metavar="INPUT", type=Path, help="a folder, or an .npy file")
    named = "a model of params.yaml (its first seed), a training, as vgg-43, or `champion`"
    parser.add_argument("--model", metavar="NAME", required=True, help=named)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="a new folder, or one to go on with")
    by_ray = "score so many parts at once, by Ray; else one, or with RAY_ADDRESS as many as its cluster has cores"
    parser.add_argument("--at-once", metavar="N", type=int, help=by_ray)
    options = parser.parse_args()
    if options.at_once is not None and options.at_once < 1:
        parser.error(f"--at-once {options.at_once}: 1 or more are needed")
    return options


def _tell(counts: Iterator[int], parts: int) -> None:
    """Go through the parts, and print a line for each."""
    start = time.monotonic()
    for done, images in enumerate(accumulate(counts), 1):
        speed = images / (time.monotonic() - start)
        print(f"scored {done:,} of {parts:,} parts, {images:,} images, {speed:,.0f} a second", flush=True)
