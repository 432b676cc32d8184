import contextlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.base.errors import InputError
from pipeline.data import pictures
from tests.conftest import ROOT

GREY, COLOUR = (28, 28, 1), (28, 28, 3)
LEVELS = np.arange(784, dtype=np.uint8).reshape(28, 28)  # every level, three times
PNG_MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]


def save(folder: Path, image: Image.Image, name: str = "picture.png", **options: Any) -> Path:
    image.save(folder / name, **options)
    return folder / name


def in_mode(levels: np.ndarray, mode: str) -> Image.Image:
    """Return grey levels as a picture of `mode` that means the same levels."""
    if mode == "I;16":
        return Image.fromarray(levels.astype(np.uint16) * 257)
    grey = Image.fromarray(levels)
    if mode == "P":
        palette = Image.frombytes("P", grey.size, (255 - levels).tobytes())
        palette.putpalette([255 - index // 3 for index in range(768)])
        return palette
    return grey.convert(mode)


@pytest.mark.parametrize("shape", [GREY, COLOUR])
@pytest.mark.parametrize("mode", PNG_MODES)
def test_a_picture_of_the_networks_size_keeps_every_pixel(
    tmp_path: Path, mode: str, shape: tuple[int, int, int]
) -> None:
    levels = np.where(LEVELS > 127, 255, 0).astype(np.uint8) if mode == "1" else LEVELS
    path = save(tmp_path, in_mode(levels, mode))
    with Image.open(path) as image:
        assert image.mode == mode
    read = pictures.read(path, shape)
    assert read.dtype == np.uint8
    assert read.shape == shape
    assert np.array_equal(read, np.broadcast_to(levels[..., np.newaxis], shape))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_is_read_as_nearly_the_same_levels(tmp_path: Path, mode: str) -> None:
    smooth = np.linspace(0, 255, 784).round().astype(np.uint8).reshape(28, 28)
    path = save(tmp_path, Image.fromarray(smooth).convert("RGB").convert(mode), "picture.jpg", quality=100)
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("JPEG", mode)
    assert np.abs(pictures.read(path, GREY)[..., 0].astype(int) - smooth).max() <= 8


def test_colour_stays_colour_and_grey_is_its_brightness(tmp_path: Path) -> None:
    path = save(tmp_path, Image.new("RGB", (50, 50), (255, 0, 0)))
    assert pictures.read(path, COLOUR)[5, 5].tolist() == [255, 0, 0]
    assert pictures.read(path, GREY)[5, 5].tolist() == [76]


@given(
    width=st.integers(1, 200),
    height=st.integers(1, 200),
    mode=st.sampled_from(PNG_MODES[1:]),
    level=st.integers(1, 255),
)
def test_any_size_fits_whole_into_the_middle_of_black(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, mode: str, level: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "picture.png"
    in_mode(np.full((height, width), level, np.uint8), mode).save(path)
    read = pictures.read(path, (20, 30, 1))[..., 0]
    rows, columns = np.nonzero(read)
    top, left, bottom, right = rows.min(), columns.min(), 19 - rows.max(), 29 - columns.max()
    assert np.unique(read[top : 20 - bottom, left : 30 - right]).tolist() == [level]
    assert min(top + bottom, left + right) == 0
    assert max(abs(top - bottom), abs(left - right)) <= 1
    shown = max(1, 30 - left - right) / max(1, 20 - top - bottom)
    if 0.2 < width / height < 5:
        assert shown == pytest.approx(width / height, rel=0.15)


def test_reducing_averages_rather_than_picks(tmp_path: Path) -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (560, 280))
    read = pictures.read(save(tmp_path, Image.fromarray(stripes)), GREY)[:, 1:-1]
    assert np.abs(read.astype(int) - 127).max() <= 10


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["picture.png", "picture.jpg"])
def test_exif_orientation_is_respected(tmp_path: Path, name: str, orientation: int) -> None:
    upright = np.zeros((28, 28), np.uint8)
    upright[:14, :14] = 200  # bright at the upper left
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpose that leads from upright to stored
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = pictures.read(save(tmp_path, stored, name, exif=exif), GREY)[..., 0]
    assert read[:12, :12].min() > 180
    assert max(read[16:].max(), read[:, 16:].max()) < 20


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("mode", ["LA", "RGBA", "P", "L", "RGB", "I;16"])
def test_transparent_pixels_become_black(tmp_path: Path, mode: str, invert: bool) -> None:
    """The left half is transparent, in whichever way the mode has; the right half is of level 51."""
    levels = np.full((28, 28), 51, np.uint8)
    levels[:, :14] = 200
    image = in_mode(levels, mode)
    options: dict[str, Any] = {}
    if mode.endswith("A"):
        image.putalpha(Image.fromarray(np.where(levels == 200, 0, 255).astype(np.uint8)))
    else:
        options["transparency"] = {"P": 55, "L": 200, "RGB": (200, 200, 200), "I;16": 200 * 257}[mode]
    read = pictures.read(save(tmp_path, image, **options), GREY, invert=invert)
    assert np.unique(read[:, :14]).tolist() == [0]
    assert np.unique(read[:, 14:]).tolist() == [204 if invert else 51]


def test_invert_swaps_dark_and_bright_but_not_what_is_filled_in(tmp_path: Path) -> None:
    read = pictures.read(save(tmp_path, Image.new("L", (28, 14), 255)), GREY, invert=True)
    assert read.max() == 0
    assert pictures.read(save(tmp_path, Image.fromarray(LEVELS)), GREY, invert=True)[0, 3, 0] == 252


def content(image_format: str) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)).save(
        file, image_format, exif=exif
    )
    return file.getvalue()


CONTENTS = {"PNG": content("PNG"), "JPEG": content("JPEG"), "GIF": content("GIF")}


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"", r"\(0 bytes\)"),
        (b"hello\n", "neither PNG nor JPEG"),
        (CONTENTS["GIF"], "neither PNG nor JPEG"),
        (CONTENTS["PNG"][:20], "Truncated"),
        (CONTENTS["PNG"][:900], "truncated"),
        (CONTENTS["JPEG"][:900], "truncated"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, damaged: bytes, reason: str) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(damaged)
    with pytest.raises(
        InputError, match=rf"picture\.png cannot be read .*{reason}.*: give a whole PNG or JPEG"
    ) as caught:
        pictures.read(path, GREY)
    assert "\n" not in str(caught.value)


@given(kind=st.sampled_from(["PNG", "JPEG"]), data=st.data())
def test_a_damaged_file_is_read_or_refused_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    damaged = bytearray(CONTENTS[kind])
    for _ in range(data.draw(st.integers(1, 5))):
        end = data.draw(st.sampled_from([120, len(damaged)]))  # as often among the headers as anywhere
        damaged[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "picture"
    path.write_bytes(damaged)
    with contextlib.suppress(InputError):
        assert pictures.read(path, GREY).shape == GREY


@pytest.mark.parametrize("limit", [700, 300])  # Pillow warns above its limit, and raises above twice of it
def test_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    path = save(tmp_path, Image.fromarray(LEVELS))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(InputError, match=rf"picture\.png has more than {limit} pixels: scale it down"):
        pictures.read(path, GREY)


def test_a_long_side_is_refused_before_it_is_decoded() -> None:
    file = io.BytesIO()
    Image.new("L", (1, 65_536)).save(file, "PNG")
    with pytest.raises(InputError, match=r"a is 65,536 pixels long, 65,535 at most are read: scale"):
        pictures.decode(file.getvalue(), "a", GREY)


def test_a_jpeg_of_a_thousand_scans_is_refused_before_it_is_decoded() -> None:
    """Each scan is a pass over all pixels: 4 MiB of them would take a quarter of an hour."""
    file = io.BytesIO()
    Image.new("L", (64, 64)).save(file, "JPEG", progressive=True)
    start, scan = file.getvalue()[:-2], file.getvalue().rpartition(b"\xff\xda")[2][:-2]
    with pytest.raises(InputError, match=r"a has 1,006 scans, 100 at most are read: save"):
        pictures.decode(start + (b"\xff\xda" + scan) * 1000 + b"\xff\xd9", "a", GREY)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_takes_little_more_memory_than_the_picture(mode: str) -> None:
    """Pillow's memory shows in a process's peak alone."""
    code = (
        "import io, resource, sys; from PIL import Image; from pipeline.data import pictures\n"
        "file = io.BytesIO(); Image.new(sys.argv[1], (4000, 4000)).save(file, 'PNG')\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "before = used(); pictures.decode(file.getvalue(), 'a', (28, 28, 1)); print(used() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, mode], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100
