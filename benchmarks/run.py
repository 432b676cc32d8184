"""What this project's speed rests on: `python -m benchmarks.run [NAME...]`, each name a table of its own.

`speed` (a quarter of an hour; needs `pip install torch`), `limit` (four minutes), `target` (over an hour), `cost`
(half an hour) and `serving` (half an hour; its module says what else it needs) need `dvc repro prepare` on
Fashion-MNIST, and a machine with nothing else to do, which is all that `published` (over an hour) and
`leaderboard` (a night) need; `memory` (half an hour) needs 15 GB for temporary files, `scaling` (two minutes) and
`scoring` (ten minutes) need `make cluster`, `exports` (ten minutes) `make export`; `scoring`, `exports` and `drift`
(two minutes) need all of `dvc repro`.
Tables go to `benchmarks/results/PROCESSOR/NAME.md`, with the machine and the versions. Where the processor has no
bfloat16, recipes are trained in float32, and `speed` measures that alone.
"""

import argparse
import importlib
import re
from importlib.metadata import distributions
from pathlib import Path

from pipeline.base import errors, files, processor

PACKAGES = ("tensorflow", "keras", "torch", "numpy")
TABLES = (
    "speed",
    "limit",
    "target",
    "cost",
    "leaderboard",
    "published",
    "memory",
    "scaling",
    "scoring",
    "exports",
    "serving",
    "drift",
)
RESULTS = Path("benchmarks/results")


def main() -> None:
    """Print and write the tables named, or all."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"one of {', '.join(TABLES)}; all if none is named")
    names = parser.parse_args().names or TABLES
    installed = {distribution.name: distribution.version for distribution in distributions()}
    versions = ", ".join(f"{package} {installed[package]}" for package in PACKAGES if package in installed)
    model = processor.name() + (" without bfloat16" if processor.lacks_bfloat16() else "")
    machine = f"{model}, {processor.threads()} threads; {versions}"
    folder = RESULTS / re.sub(r"\W+", "-", model).strip("-").lower()
    for name in names:
        if name not in TABLES:
            raise errors.InputError(errors.unknown_key(name, TABLES))
    for name in names:
        made = importlib.import_module(f"benchmarks.{name}").table()  # here, so that no table loads what another needs
        for table in [made] if isinstance(made, str) else made:  # one that takes hours comes again with each more row
            text = f"{table}\n\n{machine}\n"
            print(text)
            files.write_text(folder / f"{name}.md", text)


if __name__ == "__main__":
    errors.run(main)
