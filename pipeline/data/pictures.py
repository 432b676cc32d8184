"""PNG and JPEG files as a network's input."""

import io
import unicodedata
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from pipeline.base.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg")
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")  # Unicode's categories of what breaks a line, and of bytes that are no text
MODES = {1: "L", 3: "RGB"}  # Pillow's name for so many channels
TURNS = {  # EXIF's orientation: what turns it upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
REMEDY = "give a whole PNG or JPEG picture"
SIDE = 65_535  # pixels, as JPEG allows: to resize a longer one takes minutes and a gigabyte
SCANS = 100  # a JPEG usually has ten: each is a pass over all of its pixels, and takes but 30 bytes
STRIP = 256  # rows of what is transparent at once: all of them would take five times the picture


def is_picture(path: Path) -> bool:
    """Say whether to read a file: also a link to nothing, which cannot be read, but no pipe, which never ends."""
    return path.suffix.lower() in SUFFIXES and (path.is_file() or not path.exists())


def contents(folder: Path) -> tuple[list[str], list[str]]:
    """List the names of a folder's folders and files, in the same order on macOS and on Linux, but for hidden ones."""
    try:
        found = sorted(folder.iterdir(), key=lambda path: (unicodedata.normalize("NFC", path.name), path.name))
        paths = [path for path in found if not path.name.startswith(".")]
        return [path.name for path in paths if path.is_dir()], [path.name for path in paths if not path.is_dir()]
    except OSError as error:
        why = f"cannot be read ({error.strerror}): name another file or folder"
        raise InputError(f"{printable(folder)} {why}") from None


def below(folder: Path) -> list[Path]:
    """List the files of a folder, then those of the folders in it, however deep, but for hidden and linked ones."""
    folders, names = contents(folder)
    within = [path for name in folders if not (folder / name).is_symlink() for path in below(folder / name)]
    return [*(folder / name for name in names), *within]


def read(path: Path, shape: tuple[int, int, int], *, invert: bool = False) -> np.ndarray:
    """Read a picture as uint8 of `shape`, which is (height, width, channels), 0 black to 255 white.

    It is turned as its EXIF says, transparent pixels become black, and the whole of it is resized into the middle of
    black, its proportions kept. With `invert`, transparent pixels become white, then black and white change places.
    Raise `InputError` for a file that is no whole PNG or JPEG picture, has more pixels than Pillow's limit, a side
    longer than a JPEG's, or more scans than anybody needs.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {REMEDY}") from None
    return decode(content, str(path), shape, invert=invert)


def decode(
    content: bytes, name: str, shape: tuple[int, int, int], *, invert: bool = False, most: int | None = None
) -> np.ndarray:
    """Read a picture of at most so many pixels as `read` does, from a file's content; messages begin with `name`."""
    height, width, channels = shape
    image = _flat(_decoded(content, name, most), MODES[channels], ground=255 if invert else 0)
    image = _fitted(ImageOps.invert(image) if invert else image, width, height)
    return np.asarray(image).reshape(shape)


def printable(name: str | Path) -> str:
    """Return a name that can be printed in a line: control characters, and bytes that are no UTF-8, are escaped."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) in UNPRINTABLE else character
        for character in str(name)
    )


def _decoded(content: bytes, name: str, most: int | None) -> Image.Image:
    most = most or Image.MAX_IMAGE_PIXELS or 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # say of damaged EXIF, which costs no pixel
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
                _require_little_work(image, content, name, most)
                image.load()
                return _upright(image)
    except Image.DecompressionBombError:
        raise InputError(f"{name} has more than {most:,} pixels: scale it down first") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{name} cannot be read ({_reason(content, error)}): {REMEDY}") from None


def _require_little_work(image: Image.Image, content: bytes, name: str, most: int) -> None:
    """Raise for a picture whose header or scans say that to decode it would take long."""
    longest, scans = max(image.size), content.count(b"\xff\xda")
    if image.width * image.height > most:
        raise Image.DecompressionBombError
    if longest > SIDE:
        raise InputError(f"{name} is {longest:,} pixels long, {SIDE:,} at most are read: scale it down first")
    if image.format != "PNG" and scans > SCANS:
        raise InputError(f"{name} has {scans:,} scans, {SCANS} at most are read: save it anew")


def _reason(content: bytes, error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "neither PNG nor JPEG, or damaged at its beginning" if content else "0 bytes"
    return str(getattr(error, "strerror", None) or error).splitlines()[0]


def _upright(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF says; Pillow's `exif_transpose` also rewrites the EXIF, and fails where that is odd."""
    turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)


def _flat(image: Image.Image, mode: str, ground: int) -> Image.Image:
    """Convert an image of any mode to `mode`, L or RGB, what is transparent laid on the grey level `ground`."""
    if image.mode.startswith("I"):
        image = _eight_bit(image)
    if not image.has_transparency_data:
        return image.convert(mode)
    flat = Image.new(mode, image.size)
    for top in range(0, image.height, STRIP):
        strip = image.crop((0, top, image.width, min(top + STRIP, image.height))).convert("RGBA")
        behind = Image.new("RGBA", strip.size, (ground, ground, ground, 255))
        flat.paste(Image.alpha_composite(behind, strip).convert(mode), (0, top))
    return flat


def _eight_bit(image: Image.Image) -> Image.Image:
    """Keep the upper 8 of 16 bits of grey, as Pillow does in colour; its own conversion of grey clips at 255."""
    levels = np.asarray(image)
    grey = Image.fromarray((levels >> 8).astype(np.uint8))
    if "transparency" in image.info:  # the one level that is transparent
        grey.putalpha(Image.fromarray(np.where(levels == image.info["transparency"], 0, 255).astype(np.uint8)))
    return grey


def _fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize an image to just fit into the middle of black; one of this very size keeps every pixel."""
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    canvas = Image.new(image.mode, (width, height))
    canvas.paste(image.resize(size, Image.Resampling.LANCZOS), ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas
