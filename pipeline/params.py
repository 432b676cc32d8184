"""Check a params file: `python -m pipeline.params [FILE]`, params.yaml if none is named."""

import sys
from pathlib import Path

from pipeline.base import errors
from pipeline.config import loading, network_fits
from pipeline.data import datasets


def main() -> None:
    """Say how many models the file has, or what is wrong with it."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else loading.PARAMS_FILE
    params = loading.load(path)
    if shape := datasets.image_shape(params.fetch):
        network_fits.check_networks(params, shape)
    print(f"{path}: {len(params.models)} models, nothing wrong: {', '.join(params.models)}")


if __name__ == "__main__":
    errors.run(main)
