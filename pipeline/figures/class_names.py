"""Class names as figures can show them."""

import functools
from collections import Counter
from collections.abc import Sequence

from matplotlib.font_manager import findfont, get_font

FONT = "DejaVu Sans"  # which matplotlib brings along, so that figures are the same on every machine


def legible(class_names: Sequence[str], longest: int = 25) -> list[str]:
    """Shorten names to `longest` characters; where the font lacks one, or two names become equal, number the class."""
    known = _characters()
    short = [shorten(name, longest) if all(ord(letter) in known for letter in name) else "" for name in class_names]
    times = Counter(short)
    return [name if name and times[name] == 1 else f"class {number}" for number, name in enumerate(short)]


def shorten(name: str, longest: int) -> str:
    """Cut out the middle of a name of more than `longest` characters: names often differ at their end."""
    end = longest // 3
    return name if len(name) <= longest else f"{name[: longest - end - 1]}…{name[-end:]}"


@functools.cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont(FONT)).get_charmap())
