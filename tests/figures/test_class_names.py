from hypothesis import given
from hypothesis import strategies as st

from pipeline.figures.class_names import legible, shorten


def test_short_names_of_the_font_stay_as_they_are() -> None:
    assert legible(["T-shirt/top", "обувь", "ناقة", "$a_1$"]) == ["T-shirt/top", "обувь", "ناقة", "$a_1$"]


def test_what_the_font_cannot_show_is_the_class_number() -> None:
    assert legible(["Bag", "鞋子", "a\nb", ""]) == ["Bag", "class 1", "class 2", "class 3"]


def test_long_names_keep_beginning_and_end() -> None:
    assert legible(["American black bear, black bear"], 15) == ["American … bear"]


def test_names_that_differ_in_the_middle_alone_are_numbered() -> None:
    assert legible(["a" * 20 + middle + "b" * 20 for middle in "xy"] + ["Bag"]) == ["class 0", "class 1", "Bag"]


@given(st.lists(st.text(max_size=60)), st.integers(10, 40))
def test_there_is_a_name_of_bounded_length_for_every_class(class_names: list[str], longest: int) -> None:
    shown = legible(class_names, longest)
    assert len(shown) == len(class_names)
    assert all(0 < len(name) <= longest for name in shown)


@given(st.text(max_size=80), st.integers(3, 40))
def test_shortened_names_are_no_longer_than_asked(name: str, longest: int) -> None:
    assert len(shorten(name, longest)) == min(len(name), longest)
