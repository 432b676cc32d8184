"""Find a dataset's files, verify and decode them: `fetch RAW_FOLDER`."""

import os
from pathlib import Path

from pipeline import datasets, errors, files, params


def main() -> None:
    """Write an .npz of `images` and `labels` for each published split, and dataset.json."""
    (raw,) = map(Path, errors.arguments("RAW_FOLDER"))
    settings = params.load()
    if shape := datasets.image_shape(settings.fetch):
        params.check_networks(settings, shape)  # before anything is downloaded
    root = Path(os.environ.get("DVC_ROOT") or ".")
    named = [*settings.fetch.mirrors, *filter(None, [os.environ.get("DATASET_MIRROR")])]
    mirrors = [mirror if "://" in mirror else str(root / datasets.home(mirror)) for mirror in named]
    name = settings.fetch.dataset_name
    class_names, splits = datasets.read(settings.fetch, root, mirrors)
    params.check_networks(settings, splits["train"][0].shape[1:])
    for split, (images, labels) in splits.items():
        print(f"{name} {split}: {len(labels):,} images of {' × '.join(map(str, images.shape[1:]))}")
        files.write_arrays(raw / f"{split}.npz", {"images": images, "labels": labels})
    files.write_json(raw / "dataset.json", {"name": name, "class_names": class_names})


if __name__ == "__main__":
    errors.run(main)
