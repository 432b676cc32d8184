"""A model that was loaded once scores part after part, here or in Ray's actors."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.addons.ray import connection
from pipeline.addons.score import inputs, parts
from pipeline.addons.score.inputs import Inputs, Shape

BATCHES, BYTES = 20, 64 * 2**20  # a part is so many batches at most, and so many bytes of images


@dataclass(frozen=True)
class Job:
    """What to score, for which classes, the absolute path of the folder of results, and how many images a part has."""

    inputs: Inputs
    shape: Shape
    class_names: list[str]
    out: Path
    part_images: int

    def missing(self) -> list[int]:
        """List the numbers of the parts that are not there yet."""
        numbers = range(math.ceil(len(self.inputs.names) / self.part_images))
        return [number for number in numbers if not parts.path(self.out, number).exists()]


def part_images(shape: Shape) -> int:
    """Count the images of a part: whole batches, so that each is predicted in the batch of a single prediction."""
    from pipeline.network.training import PREDICTION_BATCH

    return PREDICTION_BATCH * int(np.clip(BYTES // (PREDICTION_BATCH * math.prod(shape)), 1, BATCHES))


class Scorer:
    """A loaded model, in this process or as an actor of Ray."""

    def __init__(self, job: Job) -> None:
        """Load the model that the folder of results holds."""
        from pipeline.network import saving

        self.job, self.model = job, saving.load(job.out / parts.MODEL)

    def score(self, number: int) -> int:
        """Score a part and write it; return how many images it has."""
        from pipeline.network import training

        job = self.job
        read = inputs.read(job.inputs, number * job.part_images, job.part_images, job.shape)
        probabilities = np.empty((0, len(job.class_names)), np.float32)
        if read.ids:
            probabilities = training.predict(self.model, read.images)
        parts.write(parts.path(job.out, number), read, probabilities, job.class_names)
        return len(read.ids) + len(read.unreadable)


def scored(job: Job, numbers: list[int], at_once: int | None) -> Iterator[int]:
    """Score the parts of these numbers, and yield how many images each has.

    Without Ray one after the other, here; with it in as many actors as `at_once` says, or as the cluster has cores.
    """
    if not numbers or not connection.wanted(at_once or 1):
        yield from map(Scorer(job).score, numbers)
        return
    with connection.connected() as ray:
        cores = int(ray.cluster_resources().get("CPU", 1))
        actor = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(Scorer)
        given = ray.put(job)  # once for all: it names every picture
        actors = [actor.remote(given) for _ in range(min(at_once or cores, cores, len(numbers)))]
        try:
            yield from ray.util.ActorPool(actors).map_unordered(
                lambda actor, number: actor.score.remote(number), numbers
            )
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None  # as it would be without Ray, without the actor's traceback
