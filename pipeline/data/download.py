"""Find a dataset's files in mirrors and at publishers, and take only what has the published checksums."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.base.errors import InputError


@dataclass(frozen=True)
class PublishedFile:
    """A file with the MD5 its publisher states and the SHA-256 of the bytes that have it; None where none is stated."""

    name: str
    md5: str | None
    sha256: str | None


def find_file(
    file: PublishedFile, folder: str, mirrors: list[str], publishers: tuple[str, ...], downloads: Path
) -> Path:
    """Find one file: in each mirror's `folder`, then at the publishers, keeping what is downloaded in `downloads`.

    Only a file with the stated checksums is returned; one without any is taken as it is, and that is told. Raise
    `InputError` that names every place and why it failed.
    """
    places = [f"{mirror.rstrip('/')}/{folder}/{file.name}" for mirror in mirrors]
    places += [f"{publisher}{file.name}" for publisher in publishers]
    failures = []
    for place in places:
        path, failure = _download(place, file, downloads) if "://" in place else (Path(place), None)
        failure = failure or mismatch(path, file)
        if not failure:
            if file.sha256 is None:
                print(
                    f"{file.name}: no checksum is published; dvc.lock will hold what was got from {place}", flush=True
                )
            return path
        failures.append(f"\n  {place}: {failure}")
    raise InputError(
        f"{file.name} was not found; tried{''.join(failures)}\n"
        f"Two ways on: put the files into a folder MIRROR/{folder}/ and set DATASET_MIRROR=MIRROR (or a URL like it), "
        "or run `make demo`, which needs no download."
    )


def mismatch(path: Path, file: PublishedFile) -> str | None:
    """Say why `path` is not `file`, or return None if it can be read and has the stated checksums."""
    try:
        for algorithm, expected in (("md5", file.md5), ("sha256", file.sha256)):
            with path.open("rb") as content:  # also where nothing is stated: can it be read?
                found = hashlib.file_digest(content, algorithm).hexdigest()
            if expected and found != expected:
                size = path.stat().st_size
                return f"not the published file: {size:,} bytes with {algorithm} {found}, not {expected}"
    except OSError as error:
        return (error.strerror or "unreadable").lower()
    return None


def _download(url: str, file: PublishedFile, downloads: Path) -> tuple[Path, str | None]:
    import pooch  # here: it takes a quarter of a second, and most runs find a mirror
    import requests

    pooch.get_logger().setLevel("WARNING")
    print(f"fetching {url}", flush=True)
    try:
        downloader = pooch.HTTPDownloader(progressbar=True, timeout=30)
        path = pooch.retrieve(url, file.sha256 and f"sha256:{file.sha256}", file.name, downloads, downloader=downloader)
    except requests.HTTPError as error:
        return Path(), str(error).partition(" for url")[0]
    except requests.exceptions.ChunkedEncodingError:
        return Path(), "the connection broke off"
    except requests.exceptions.SSLError:
        return Path(), "the server's certificate was not accepted"
    except (requests.ConnectionError, requests.Timeout) as error:
        return Path(), "no answer within 30 seconds" if "timed out" in str(error) else "no connection"
    except requests.RequestException as error:
        return Path(), f"{type(error).__name__}: {error}"
    except ValueError as error:
        refused = "does not match the known hash" in str(error)
        return Path(), f"what was sent does not have the published SHA-256 {file.sha256}" if refused else str(error)
    return Path(path), None
