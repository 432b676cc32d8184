"""Split and scale a dataset, and show samples of it: `prepare RAW_FOLDER PREPARED_FOLDER SAMPLES_PICTURE`."""

from pathlib import Path

from pipeline.base import errors, files
from pipeline.config import loading
from pipeline.data import arrays, splits
from pipeline.figures import gallery, png


def main() -> None:
    """Write `train`, `validation` and `test`, each a folder of arrays, dataset.json, and the picture."""
    raw, prepared, picture = map(Path, errors.arguments("RAW_FOLDER PREPARED_FOLDER SAMPLES_PICTURE"))
    params = loading.load()
    dataset = files.read_json(raw / "dataset.json")
    published = {split: arrays.read(raw / split) for split in ("train", "test") if (raw / split).exists()}
    named = {
        split: (names, labels)
        for split, (_, labels) in published.items()
        if (names := arrays.names(raw / split)) is not None
    }
    parts = splits.three_parts(published["train"], published.get("test"), params.prepare)
    names_by_part = splits.three_parts(named["train"], named.get("test"), params.prepare) if named else {}
    images, labels = parts["train"]
    dataset["image_shape"] = images.shape[1:]
    dataset["scaling"] = splits.scaling(images, params.prepare.scaling)
    dataset["counts"] = {name: splits.counts(part[1], dataset["class_names"]) for name, part in parts.items()}
    if empty := [name for name, count in dataset["counts"]["train"].items() if not count]:
        how = params.prepare.split
        raise errors.InputError(f"prepare.split {how} leaves no training image of {empty[0]}: use stratified")
    for name, part in parts.items():
        arrays.write(prepared / name, *part, names_by_part[name][0] if named else None)
        print(f"{name}: {len(part[1]):,} images")
    files.write_json(prepared / "dataset.json", dataset)
    files.write_bytes(picture, png.encode(gallery.samples(images, labels, dataset["class_names"])))


if __name__ == "__main__":
    errors.run(main)
