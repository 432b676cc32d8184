from pathlib import Path

import pytest

from pipeline.base import processor

X86 = "processor\t: 0\nmodel name\t: {}\nflags\t\t: fpu vme {}\n"


@pytest.mark.parametrize(
    ("content", "warns"),
    [
        (X86.format("Old", "avx2"), True),
        (X86.format("New", "avx512_bf16"), False),
        (X86.format("Newer", "amx_bf16 amx_tile"), False),
        ("Features\t: fp asimd", True),
        ("Features\t: fp asimd bf16", False),
        ("", False),
    ],
)
def test_a_processor_known_to_lack_bfloat16_is_named(
    content: str, warns: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processor, "CPU_INFO", tmp_path / "cpuinfo")
    processor.CPU_INFO.write_text(content)
    processor.warn_without_bfloat16("models.vgg.train.precision")
    printed = capsys.readouterr().err
    assert printed.startswith("warning: models.vgg.train.precision: mixed_bfloat16 is") == warns
    assert ("(Old)" in printed) == ("Old" in content)


def test_without_a_list_of_processors_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processor, "CPU_INFO", tmp_path / "none")
    processor.warn_without_bfloat16("key")
    assert not capsys.readouterr().err
    assert processor.name()
    assert processor.threads() > 0


def test_threads_are_those_that_tensorflow_is_told_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    own = processor.threads()
    for told, expected in (("3", 3), ("", own), ("0", own), ("many", own)):
        monkeypatch.setenv(processor.THREADS, told)
        assert processor.threads() == expected
        assert processor.machine()["machine.threads"] == str(expected)
