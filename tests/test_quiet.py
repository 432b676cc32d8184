import os

import pytest

from pipeline import quiet


def test_what_is_printed_on_the_way_is_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet._held_back_unless_it_fails():
        os.write(2, b"noise of a library\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_it_is_shown_when_that_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        os.write(2, b"the reason\n")
        raise ImportError

    with pytest.raises(ImportError), quiet._held_back_unless_it_fails():
        fail()
    assert capfd.readouterr().err == "the reason\n"
