"""What this machine computes on."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
ONEDNN, THREADS = "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS"
PACKAGES = ("tensorflow", "keras", "numpy")
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # as Linux calls it on x86 and on ARM


def name() -> str:
    """Return the processor's name, or at least its architecture."""
    return _listed("model name") or platform.processor() or platform.machine()


def threads() -> int:
    """Count the threads that TensorFlow computes with: the processors this process may run on, unless told otherwise.

    Sums of other threads are in another order, so that their last bits differ.
    """
    if (told := os.environ.get(THREADS, "")).isdecimal() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def onednn() -> str:
    """Return "1" if TensorFlow is to compute by oneDNN, else "0", as the environment says.

    TensorFlow's own default is 0 on x86 processors without AVX-512 VNNI, which train 1.2 to 1.8 times as fast with 1.
    """
    return os.environ.get(ONEDNN, "1")


def machine() -> dict[str, str]:
    """Say what decides about a stage's bytes beside its deps and params: processor, threads, oneDNN, versions."""
    return {
        "machine.processor": name(),
        "machine.threads": str(threads()),
        "machine.onednn": onednn(),
        "version.python": platform.python_version(),
        **{f"version.{package}": importlib.metadata.version(package) for package in PACKAGES},
    }


def lacks_bfloat16() -> bool:
    """Tell whether this processor is known to have no instructions for bfloat16."""
    features = (_listed("flags") or _listed("Features")).split()
    return bool(features) and not BFLOAT16 & set(features)


def warn_without_bfloat16(key: str) -> None:
    """Say that the params' `key` asks for what this processor imitates, if it is known to lack bfloat16."""
    if lacks_bfloat16():
        slow = f"mixed_bfloat16 is several times slower than float32 on this processor ({name()})"
        print(f"warning: {key}: {slow}: it has no instructions for it", file=sys.stderr, flush=True)


def _listed(key: str) -> str:
    try:
        lines = CPU_INFO.read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(": ")[2] for line in lines if line.partition("\t")[0] == key), "")
