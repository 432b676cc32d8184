"""What a training's run in MLflow is called and carries: name, params, tags."""

import getpass
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pipeline.base.errors import InputError
from pipeline.config.schema import Params, Training
from pipeline.config.section import leaves
from pipeline.tracking import git


@dataclass(kw_only=True)
class Description:
    """What a run tells from its start."""

    experiment: str
    name: str
    fingerprint: str
    params: dict[str, str]
    tags: dict[str, str]


def of_training(params: Params, training: Training, fingerprint: str) -> Description:
    """Gather what a training's run tells from its start."""
    return Description(
        experiment=params.fetch.dataset_name,
        name=f"{training.name}: {params.models[training.model].summary}",  # with other filters it reads differently
        fingerprint=fingerprint,
        params=flat_params(params, training),
        tags={"model": training.model, "fingerprint": fingerprint, "dvc.stage": f"train@{training.name}"},
    )


def flat_params(params: Params, training: Training) -> dict[str, str]:
    """Write a training's params, its network's and all others, under names that sort as a person would read them."""
    model = params.models[training.model]
    sections = {
        "seed": training.seed,
        "dataset": params.fetch.model_dump()["dataset"],
        "prepare": params.prepare.model_dump(),
        **({"backbone": model.backbone.model_dump()} if model.backbone else {}),
        **{f"block{number}": block.model_dump() for number, block in enumerate(model.blocks, 1)},
        **{f"dense{number}": dense.model_dump() for number, dense in enumerate(model.dense, 1)},
        "global_pool": model.global_pool,
        "train": model.train.model_dump(),
        "network": model.summary,
    }
    return {key: _text(value) for key, value in leaves(sections)}


def origin() -> dict[str, str]:
    """Say as tags where a training comes from: user, git commit, and DVC experiment if it is one.

    The commit is the one checked out, `git.clean` whether params and code of the working folder are those in it. Where
    it has no params.yaml of this folder, as of `.demo`, it tells nothing of the training, and there is neither.
    """
    known = {}
    if experiment := os.environ.get("DVC_EXP_NAME"):
        known["dvc.experiment"] = experiment
    with suppress(KeyError, OSError):  # no name, as in some containers
        known["mlflow.user"] = getpass.getuser()
    with suppress(InputError):  # of no git, of no repository, or of one without the file
        git.ask("rev-parse", "HEAD:./params.yaml")
        changed = git.ask("status", "--porcelain", "--", "pipeline", "dvc.yaml", "params.yaml")
        known |= {"git.commit": git.ask("rev-parse", "HEAD"), "git.clean": str(not changed).lower()}
    return known


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return " ".join(_text(item) for item in value.values())
    return str(value)
