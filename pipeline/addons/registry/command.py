"""Which model is in use: `python -m pipeline registry promote [--model NAME] [--force]`, `rollback`, `show`, `fetch`.

One registered model for each dataset; its version in use has the alias `champion`, the one before it `previous`.
"""

import argparse
import sys

from pipeline.addons.registry import promotion
from pipeline.addons.registry.candidate import Refused
from pipeline.config import loading
from pipeline.tracking import server


def main() -> None:
    """Do the command and print what it says; exit 1 if the rules refuse a promotion."""
    given, params = _arguments(), loading.load()
    dataset = params.fetch.dataset_name
    try:
        with server.errors_in_one_line():
            if given.command == "promote":
                print(promotion.promote(params, given.model, force=given.force))
            elif given.command == "rollback":
                print(promotion.rollback(dataset))
            else:
                print(promotion.show(dataset) if given.command == "show" else promotion.fetch(dataset))
    except Refused as refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipeline registry", description="Which model is in use.")
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote", help="make the best model of params.yaml the champion")
    promoting.add_argument("--model", metavar="NAME", help="a model, or one of its trainings, as vgg-43")
    promoting.add_argument("--force", action="store_true", help="whatever the gate and the test images say")
    commands.add_parser("rollback", help="swap champion and previous")
    commands.add_parser("show", help="say what is champion, and what was before")
    commands.add_parser("fetch", help="bring the champion's network to where `pipeline serve` takes it from")
    return parser.parse_args()
