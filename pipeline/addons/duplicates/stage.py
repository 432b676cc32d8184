"""Find images that are there twice, in one split or in two: `duplicates PREPARED_FOLDER TABLE`."""

from pathlib import Path

from pipeline.addons.duplicates import finding
from pipeline.base import errors, files, tables
from pipeline.data import arrays


def main() -> None:
    """Write the pairs of exact and near duplicates as a table."""
    prepared, table_file = map(Path, errors.arguments("PREPARED_FOLDER TABLE"))
    class_names = files.read_json(prepared / "dataset.json")["class_names"]
    splits = {name: arrays.read(prepared / name) for name in ("train", "validation", "test")}
    table = finding.table(splits, class_names)
    tables.write_csv(table_file, table)
    exact, across = (table["distance"] == 0).sum(), (table["first split"] != table["second split"]).sum()
    print(f"{len(table):,} pairs of duplicates, {exact:,} of them exact, {across:,} in two splits")


if __name__ == "__main__":
    errors.run(main)
