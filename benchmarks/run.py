"""What this project's speed rests on: `python -m benchmarks.run [NAME...]`, each name a table of its own.

`speed` (a quarter of an hour; needs `pip install torch`), `limit` (two minutes), `target` (over an hour), `cost` (an
hour) and `best` (over two hours) need `dvc repro prepare` on Fashion-MNIST, and a machine with nothing else to do.
Tables go to `benchmarks/results/NAME.md`, with the machine and the versions.
"""

import sys
from importlib.metadata import distributions
from pathlib import Path

from benchmarks import best, cost, limit, speed, target
from pipeline import files, processor

PACKAGES = ("tensorflow", "keras", "torch", "numpy")
TABLES = {"speed": speed, "limit": limit, "target": target, "cost": cost, "best": best}
RESULTS = Path("benchmarks/results")


def main() -> None:
    """Print and write the tables named, or all."""
    installed = {distribution.name: distribution.version for distribution in distributions()}
    versions = ", ".join(f"{package} {installed[package]}" for package in PACKAGES if package in installed)
    machine = f"{processor.name()}, {processor.threads()} threads; {versions}"
    for name in sys.argv[1:] or TABLES:
        text = f"{TABLES[name].table()}\n\n{machine}\n"
        print(text)
        files.write_bytes(RESULTS / f"{name}.md", text.encode())


if __name__ == "__main__":
    main()
