"""Split and scale a dataset, and show samples of it: `prepare RAW_FOLDER PREPARED_FOLDER SAMPLES_PICTURE`."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.base import errors, files
from pipeline.base.files import LabelledRows
from pipeline.base.rows import Rows
from pipeline.config import loading
from pipeline.config.schema import Prepare
from pipeline.data import splits
from pipeline.figures import gallery, png


def main() -> None:
    """Write train.npz, validation.npz and test.npz of 8-bit images, dataset.json, and the picture."""
    raw, prepared, picture = map(Path, errors.arguments("RAW_FOLDER PREPARED_FOLDER SAMPLES_PICTURE"))
    params = loading.load()
    dataset = files.read_json(raw / "dataset.json")
    found = {path.stem: files.open_arrays(path) for path in sorted(raw.glob("*.npz"))}
    parts, names = (parted(found, what, params.prepare) for what in ("images", "names"))
    images, labels = parts["train"]
    dataset["image_shape"] = images.shape[1:]
    dataset["scaling"] = splits.scaling(images, params.prepare.scaling)
    dataset["counts"] = {name: splits.counts(part[1], dataset["class_names"]) for name, part in parts.items()}
    if empty := [name for name, count in dataset["counts"]["train"].items() if not count]:
        how = params.prepare.split
        raise errors.InputError(f"prepare.split {how} leaves no training image of {empty[0]}: use stratified")
    for name, part in parts.items():
        named = {"names": names[name][0]} if names else {}
        files.write_arrays(prepared / f"{name}.npz", {"images": part[0], "labels": part[1], **named})
        print(f"{name}: {len(part[1]):,} images")
    files.write_json(prepared / "dataset.json", dataset)
    files.write_bytes(picture, png.encode(gallery.samples(images, labels, dataset["class_names"])))


def parted(found: Mapping[str, Mapping[str, Rows]], what: str, prepare: Prepare) -> dict[str, LabelledRows]:
    """Divide what the splits hold of each image, with the labels, into three parts; none where it is not there."""
    each = {split: (arrays[what], arrays["labels"][:]) for split, arrays in found.items() if what in arrays}
    return splits.three_parts(each["train"], each.get("test"), prepare) if each else {}


if __name__ == "__main__":
    errors.run(main)
