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
    rows = splits.three_parts({split: labels for split, (_, labels) in published.items()}, params.prepare)
    parts = {name: arrays.rows(published[split], numbers) for name, (split, numbers) in rows.items()}
    images, labels = parts["train"]
    dataset["image_shape"] = images.shape[1:]
    dataset["scaling"] = splits.scaling(images, params.prepare.scaling)
    dataset["counts"] = {name: splits.counts(part[1], dataset["class_names"]) for name, part in parts.items()}
    if empty := [name for name, count in dataset["counts"]["train"].items() if not count]:
        how = params.prepare.split
        raise errors.InputError(f"prepare.split {how} leaves no training image of {empty[0]}: use stratified")
    for name, (split, numbers) in rows.items():
        names = arrays.names(raw / split)
        arrays.write(prepared / name, *parts[name], None if names is None else names[numbers])
        print(f"{name}: {len(numbers):,} images")
    files.write_json(prepared / "dataset.json", dataset)
    files.write_bytes(picture, png.encode(gallery.samples(images, labels, dataset["class_names"])))


if __name__ == "__main__":
    errors.run(main)
