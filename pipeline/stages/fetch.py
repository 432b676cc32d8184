"""Find a dataset's files, verify and decode them: `fetch RAW_FOLDER`."""

import os
from pathlib import Path

from pipeline import datasets, errors, files, params


def main() -> None:
    """Write an .npz of `images` and `labels` for each published split, and dataset.json."""
    (raw,) = map(Path, errors.arguments("RAW_FOLDER"))
    settings = params.load()
    name = settings.fetch.dataset
    dataset = datasets.get(name)
    params.check_networks(settings, dataset.image_shape)
    root = Path(os.environ.get("DVC_ROOT") or ".")
    named = [*settings.fetch.mirrors, *filter(None, [os.environ.get("DATASET_MIRROR")])]
    mirrors = [mirror if "://" in mirror else str(root / Path(mirror).expanduser()) for mirror in named]
    folder, downloads = name.replace("_", "-"), root / ".downloads" / name
    paths = [datasets.find_file(file, folder, mirrors, dataset.publishers, downloads) for file in dataset.files]
    for split, (images, labels) in dataset.decode(paths).items():
        print(f"{name} {split}: {len(labels):,} images of {' × '.join(map(str, images.shape[1:]))}")
        files.write_arrays(raw / f"{split}.npz", {"images": images, "labels": labels})
    files.write_json(raw / "dataset.json", {"name": name, "class_names": dataset.class_names})


if __name__ == "__main__":
    errors.run(main)
