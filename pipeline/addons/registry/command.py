"""Which model is in use: `python -m pipeline registry promote [--model NAME] [--force]`, `rollback`, `show`, `fetch`.

One registered model for each dataset; its version in use has the alias `champion`, the one before it `previous`.
"""

import argparse
import sys
from pathlib import Path

from filelock import FileLock

from pipeline.addons.registry import folder, promotion, versions
from pipeline.addons.registry.candidate import Refused
from pipeline.addons.registry.versions import Version
from pipeline.config import loading
from pipeline.tracking import location, server


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipeline registry", description="Which model is in use.")
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote", help="make the best model of params.yaml the champion")
    promoting.add_argument("--model", metavar="NAME", help="a model, or one of its trainings, as vgg-43")
    promoting.add_argument("--force", action="store_true", help="whatever the gate and the test images say")
    commands.add_parser("rollback", help="swap champion and previous")
    commands.add_parser("show", help="say what is champion, and what was before")
    fetching = commands.add_parser("fetch", help="bring the champion's network to where `pipeline serve` takes it from")
    fetching.add_argument("--version", metavar="N", help="bring this version, champion or not")
    return parser.parse_args()


def export(version: Version) -> Path:
    """Export a version to where `pipeline serve` takes it from, unless it is there as written; return the folder."""
    root = folder.root(location.repository(), version.name)
    place = folder.place(root, str(version.version), version.tags["fingerprint"])
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".lock"):  # another process may just be at it
        if not folder.whole(place):
            model = versions.load(version)
            # here, so that TensorFlow comes by `load`, which keeps it quiet
            from pipeline.addons.export.conversion import litert

            about = versions.about(version) | {"description": versions.describe(version)}
            folder.write(place, litert.to_litert(model), about)
    return place


def fetch(dataset: str, number: str | None = None) -> str:
    """Export the champion, and note which one it is, or a version that is named; say in a line where it is."""
    client = versions.connect()
    if number:
        return f"{export(versions.require(client, dataset, number))}"
    version = versions.require_champion(client, dataset)
    place = export(version)
    folder.point(place.parent, place)
    return f"{versions.describe(version)} is in {place}"


def main() -> None:
    """Do the command and print what it says; exit 1 if the rules refuse a promotion."""
    given, params = _arguments(), loading.load()
    dataset = params.fetch.dataset_name
    try:
        with server.errors_in_one_line():
            if given.command == "promote":
                print(promotion.promote(params, given.model, force=given.force, prepare=export))
            elif given.command == "rollback":
                print(promotion.rollback(dataset, prepare=export))
            else:
                print(promotion.show(dataset) if given.command == "show" else fetch(dataset, given.version))
            if given.command in ("promote", "rollback"):
                fetch(dataset)
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        sys.exit(1)
