import os
import subprocess
import sys

import pytest

from pipeline.base import processor
from pipeline.base.quiet import stderr_held_back
from tests.conftest import ROOT


def test_what_is_printed_on_the_way_is_held_back(capfd: pytest.CaptureFixture[str]) -> None:
    with stderr_held_back():
        os.write(2, b"noise of a library\n")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


def test_it_is_shown_when_that_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        os.write(2, b"the reason\n")
        raise ImportError

    with pytest.raises(ImportError), stderr_held_back():
        fail()
    assert capfd.readouterr().err == "the reason\n"


@pytest.mark.parametrize(("chosen", "enabled"), [(None, "True"), ("1", "True"), ("0", "False")])
def test_tensorflow_computes_by_onednn_on_any_processor_unless_told_not_to(chosen: str | None, enabled: str) -> None:
    """TensorFlow's own default depends on the processor."""
    code = (
        "import pipeline.network; "
        "from tensorflow.python.util import _pywrap_util_port as port; print(port.IsMklEnabled())"
    )
    environment = {key: value for key, value in os.environ.items() if key != processor.ONEDNN}
    environment |= {processor.ONEDNN: chosen} if chosen else {}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"{enabled}\n"
