"""Images a second that the published VGG trains on: this project's stage beside plain Keras and PyTorch, in turn.

Each contestant is started several times, since a process keeps the speed that it starts with.

Prediction before the first run: the stage is as fast as `fit` on arrays in float32, since both run the same kernels;
PyTorch is ahead at batch 32, where its fused Adam passes over the 5.2 million weights once and Keras's ten times. What
came: PyTorch no faster in float32, 8 % faster in bfloat16, and slower by a fifth at batch 128. Prediction with Adam in
one operation: a tenth faster at batch 32, and so ahead of PyTorch in all four. What came: ahead in all four, by 5 % at
batch 32. Keras's figures still held its wait between epochs (see `contestants._paced`); without it, on an EPYC with
bfloat16, Keras's `fit` and this project were within 2 % of each other in all four, and PyTorch 2 to 18 % behind. With
AVX2 alone, where TensorFlow leaves oneDNN off and this project turns it on, Keras's `fit` is 15 % behind at batch 32
and 14 % at 128, PyTorch 10 and 19 %.
"""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.contestants import CONTESTANTS, REPLY
from pipeline.base import processor

IMAGES, ROUNDS, STARTS = 1_280, 3, 3
SETTINGS = [(32, "float32"), (128, "float32"), (32, "mixed_bfloat16"), (128, "mixed_bfloat16")]


def table() -> str:
    """Train in every setting, and return a Markdown table of medians, with ratios to this project's plain training."""
    settings = [(size, kind) for size, kind in SETTINGS if kind == "float32" or not processor.lacks_bfloat16()]
    columns = [measured(*setting) for setting in settings]
    lines = ["| images/s (ratio) | " + " | ".join(f"batch {size}, {kind}" for size, kind in settings) + " |"]
    lines.append("|---|" + "---:|" * len(settings))
    for name in CONTESTANTS:
        cells = [f"{column[name]:,.0f} ({column[name] / column['this project']:.2f})" for column in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measured(batch_size: int, precision: str) -> dict[str, float]:
    """Return each contestant's images a second, the median over several starts and, in each, over rounds in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(STARTS):
        with ExitStack() as stack:
            epochs = {name: stack.enter_context(contestant(name, batch_size, precision)) for name in CONTESTANTS}
            for number in range(ROUNDS + 1):
                for name, times in epochs.items():
                    took = next(times)
                    if number:  # the first epoch also builds and warms up
                        seconds[name].append(took)
    speeds = {name: IMAGES / statistics.median(times) for name, times in seconds.items()}
    print(f"batch {batch_size}, {precision}:", {name: round(speed) for name, speed in speeds.items()}, flush=True)
    return speeds


@contextmanager
def contestant(name: str, batch_size: int, precision: str) -> Iterator[Iterator[float]]:
    """Start a contestant; each `next` trains one epoch and returns its seconds."""
    command = [sys.executable, "-m", "benchmarks.contestants", name, str(batch_size), precision, str(IMAGES)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield _epochs(process)
        process.kill()


def _epochs(process: subprocess.Popen[str]) -> Iterator[float]:
    assert process.stdin
    assert process.stdout
    while True:
        line = next((line for line in process.stdout if line.startswith(REPLY)), None)
        if line is None:
            raise RuntimeError(f"{process.args!r} ended")
        yield float(line.removeprefix(REPLY))
        process.stdin.write("\n")
        process.stdin.flush()
