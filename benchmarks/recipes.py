"""Params files as a user of this processor would run them."""

from pathlib import Path
from typing import Any

from pipeline.base import files, processor


def suited(path: Path) -> dict[str, Any]:
    """Read a params file; trainings are in float32 where the processor would only imitate bfloat16."""
    raw = files.read_yaml(path)
    if processor.lacks_bfloat16() and raw["train"].get("precision") == "mixed_bfloat16":
        raw["train"]["precision"] = "float32"
    return raw
