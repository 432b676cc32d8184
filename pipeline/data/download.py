"""Find a dataset's files in mirrors and at publishers, and take only what has the known checksum."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import InputError


@dataclass(frozen=True)
class PublishedFile:
    """A file with the SHA-256 of its bytes; None where its publisher states no checksum."""

    name: str
    sha256: str | None


def find_file(
    file: PublishedFile, folder: str, mirrors: list[str], publishers: tuple[str, ...], downloads: Path
) -> Path:
    """Find one file: in each mirror's `folder`, then at the publishers, keeping what is downloaded in `downloads`.

    Only a file with its checksum is returned; one without any is taken as it is, and that is told. Raise `InputError`
    that names every place and why it failed.
    """
    places = [f"{mirror.rstrip('/')}/{folder}/{file.name}" for mirror in mirrors]
    places += [f"{publisher}{file.name}" for publisher in publishers]
    failures = []
    for place in places:
        try:
            path = _download(place, file, downloads) if "://" in place else Path(place)
            _require_checksum(path, file)
        except (OSError, ValueError) as error:  # also what requests raises
            failures.append(f"\n  {place}: {error}")
        else:
            if not file.sha256:
                print(
                    f"{file.name}: no checksum is published; dvc.lock will hold what was got from {place}", flush=True
                )
            return path
    raise InputError(
        f"{file.name} was not found; tried{''.join(failures)}\n"
        f"Two ways on: put the files into a folder MIRROR/{folder}/ and set DATASET_MIRROR=MIRROR (or a URL like it), "
        "or run `make demo`, which needs no download."
    )


def _require_checksum(path: Path, file: PublishedFile) -> None:
    """Raise `ValueError` unless a file has its checksum, `OSError` if it cannot be read."""
    with path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if file.sha256 and found != file.sha256:
        size = path.stat().st_size
        raise ValueError(f"not the published file: {size:,} bytes with sha256 {found}, not {file.sha256}")


def _download(url: str, file: PublishedFile, downloads: Path) -> Path:
    import pooch  # here: it takes a quarter of a second, and most runs find a mirror

    pooch.get_logger().setLevel("WARNING")
    print(f"fetching {url}", flush=True)
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=30)
    checksum = file.sha256 and f"sha256:{file.sha256}"
    return Path(pooch.retrieve(url, checksum, file.name, downloads, downloader=downloader))
