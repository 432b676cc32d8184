"""What augmentation costs: `python -m benchmarks.augmentation [ROUNDS]`.

Trains the committed `vgg` on Fashion-MNIST's images, plain and augmented in turn, and prints the medians of images/s.
Prediction before the first run: a batch's affine map takes about 1/300 of a training step, so less than 1 % slower.
"""

import statistics
import sys
import time
from pathlib import Path

from pipeline import files, params, quiet

STEPS = 20


def main() -> None:
    """Print images/s of each round, the medians, and their ratio."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    settings = params.load()
    train = files.read_labelled(Path("data/prepared/train.npz"))
    quiet.import_tensorflow()
    from pipeline import models, training

    training.make_deterministic(settings.seed)
    of_vgg, augmentation = settings.models["vgg"].train, settings.models["vgg_augmented"].train.augmentation
    kinds = {"plain": of_vgg, "augmented": of_vgg.model_copy(update={"augmentation": augmentation})}
    model = models.build(settings.models["vgg"], (28, 28, 1), 10, {"scale": [1 / 255], "offset": [0.0]})
    model.compile("adam", training.loss(settings.train), jit_compile=False)
    batches = {kind: iter(training.batches(train, chosen, settings.seed)) for kind, chosen in kinds.items()}
    speeds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds + 1):
        for kind, iterator in batches.items():
            began = time.perf_counter()
            for _ in range(STEPS):
                model.train_on_batch(*next(iterator))
            if number:  # the first round also traces and warms up
                speeds[kind].append(STEPS * kinds[kind].batch_size / (time.perf_counter() - began))
                print(f"round {number} {kind:9s} {speeds[kind][-1]:7.1f} images/s", flush=True)
    plain, augmented = (statistics.median(speeds[kind]) for kind in kinds)
    print(f"median: plain {plain:.1f}, augmented {augmented:.1f} images/s, ratio {augmented / plain:.3f}")


if __name__ == "__main__":
    main()
