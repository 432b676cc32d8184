"""What a training's run in MLflow is called and carries: name, description, params, tags."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from pipeline.schema import Params, leaves

PACKAGES = ("tensorflow", "keras", "mlflow", "dvc", "numpy")


def facts(params: Params, name: str, fingerprint: str, dataset: dict[str, Any]) -> dict[str, Any]:
    """Gather what a run tells from its start: experiment, name, description, params, tags, and the data it learns."""
    network = network_summary(params, name)
    return {
        "experiment": params.fetch.dataset,
        "name": name,
        "fingerprint": fingerprint,
        "description": f"`{name}` on {params.fetch.dataset}: {network}",
        "params": flat_params(params, name),
        "tags": {"model": name, "fingerprint": fingerprint, "dvc.stage": f"train@{name}"},
        "dataset": dataset,
    }


def flat_params(params: Params, name: str) -> dict[str, str]:
    """Write a model's params, its network's and all others, under names that sort as a person would read them."""
    model = params.models[name]
    sections: dict[str, Any] = {"seed": params.seed, "dataset": params.fetch.dataset}
    sections["prepare"] = params.prepare.model_dump()
    for kind, layers in (("block", model.blocks), ("dense", model.dense)):
        for number, layer in enumerate(layers, 1):
            sections[f"{kind}{number}"] = layer.model_dump()
    sections["train"] = model.train.model_dump()
    sections["network"] = network_summary(params, name)
    return {key: _text(value) for key, value in leaves(sections)}


def network_summary(params: Params, name: str) -> str:
    """Write a network in one line, as in `32 64 | 128 256 | dense 512 256`."""
    model = params.models[name]
    parts = [" ".join(map(str, block.filters)) for block in model.blocks]
    if model.dense:
        parts.append("dense " + " ".join(str(dense.units) for dense in model.dense))
    return " | ".join(parts)


def machine() -> dict[str, str]:
    """Say as tags what decides about the bytes of a training beside its fingerprint: processor, threads, versions."""
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "machine.processor": _processor(),
        "machine.threads": str(threads),
        "version.python": platform.python_version(),
        **{f"version.{package}": importlib.metadata.version(package) for package in PACKAGES},
    }


def origin() -> dict[str, str]:
    """Say as tags where a training comes from: git commit, and DVC experiment if it is one."""
    dirty = _git("status", "--porcelain", "--", ":/pipeline", ":/dvc.yaml", ":/params.yaml")
    known = {
        "dvc.experiment": os.environ.get("DVC_EXP_NAME"),
        "dvc.baseline": os.environ.get("DVC_EXP_BASELINE_REV"),
        "git.commit": _git("rev-parse", "HEAD"),
        "git.clean": None if dirty is None else str(not dirty).lower(),
    }
    return {name: value for name, value in known.items() if value}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return " ".join(_text(item) for item in value.values())
    return str(value)


def _git(*arguments: str) -> str | None:
    try:
        return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
