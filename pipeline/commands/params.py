"""Check a params file: `python -m pipeline params [FILE]`, params.yaml if none is named."""

import argparse
from pathlib import Path

from pipeline.config import loading, network_fits
from pipeline.data import datasets


def main() -> None:
    """Say how many models the file has, or what is wrong with it."""
    parser = argparse.ArgumentParser("python -m pipeline params", description=__doc__)
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, default=loading.PARAMS_FILE)
    path: Path = parser.parse_args().file
    params = loading.load(path)
    if shape := datasets.image_shape(params.fetch):
        network_fits.check_networks(params, shape)
    print(f"{path}: {len(params.models)} models, nothing wrong: {', '.join(params.models)}")
