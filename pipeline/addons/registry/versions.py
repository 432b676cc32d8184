"""The registered model's versions and aliases, as MLflow holds them: one model for each dataset."""

import json
import os
import re
from typing import Any

from pipeline.addons.registry.candidate import Candidate
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.evaluation import significance
from pipeline.tracking import fingerprints, location, paths, server, upload

CHAMPION, PREVIOUS = "champion", "previous"
LONGEST = 5000  # characters of a version's description, in MLflow's table
MOVING = "aliases.moving"  # tag of the registered model while its aliases move: where they go

Client = Any  # mlflow.MlflowClient, which has no types
Version = Any  # mlflow.entities.model_registry.ModelVersion


def connect() -> Client:
    """Return a client of the pipeline's store; raise `InputError` where there is none yet."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    if (database := location.database()) and not database.is_file():
        remedy = server.SYNC if paths.anything_trained() else "`dvc repro` makes it as it trains"
        raise InputError(f"{database} is missing: {remedy}")
    return server.connect()


def by_alias(client: Client, dataset: str, alias: str) -> Version | None:
    """Return the version that an alias names, or None; raise `InputError` for one that was not promoted here."""
    for model in client.search_registered_models(f"name = '{dataset}'"):
        if number := model.aliases.get(alias):
            version = client.get_model_version(dataset, str(number))
            if "class_names" not in version.tags:
                raise InputError(
                    f"{dataset} version {number} is `{alias}` but not of `promote`: move the alias by hand"
                )
            return version
    return None


def require_champion(client: Client, dataset: str) -> Version:
    """Return the champion's version; raise `InputError`, with the remedy, if there is none."""
    if version := by_alias(client, dataset, CHAMPION):
        return version
    raise InputError(
        f"{dataset} has no champion at {location.address()}: `python -m pipeline registry promote` makes one"
    )


def require(client: Client, dataset: str, number: str) -> Version:
    """Return the version of that number; raise `InputError` if there is none, or it is not of `promote`."""
    for version in client.search_model_versions(f"name = '{dataset}'"):
        if str(version.version) == number and "class_names" in version.tags:
            return version
    raise InputError(f"{dataset} has no version {number} at {location.address()} that `promote` has made")


def describe(version: Version) -> str:
    """Say in words which version it is, as in `fashion_mnist version 2: vgg, test accuracy 0.9266`."""
    accuracy = float(version.tags["test.accuracy"])
    return f"{version.name} version {version.version}: {version.tags['model']}, test accuracy {accuracy:.4f}"


def about(version: Version) -> dict[str, Any]:
    """Return what clients of a version need: its classes, in the order of its probabilities, and which one it is."""
    which = {"dataset": version.name, "version": str(version.version)}
    tags = {key: version.tags[key] for key in ("model", "fingerprint")}
    return {"classes": json.loads(version.tags["class_names"])} | which | tags


def load(version: Version) -> Any:
    """Load the Keras model of a version."""
    import pipeline.network  # noqa: F401  # here: most commands do without TensorFlow, which this keeps quiet

    # isort: split
    import mlflow.tensorflow

    try:
        return mlflow.tensorflow.load_model(f"models:/{version.name}/{version.version}")
    except (mlflow.exceptions.MlflowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{version.name} version {version.version} cannot be loaded: {reason}") from None


def finished_run(client: Client, dataset: str, name: str, fingerprint: str) -> Any:
    """Return the latest finished run of a fingerprint; raise `InputError`, with the remedy, if the store has none."""
    experiment = client.get_experiment_by_name(dataset)
    wanted = f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment.experiment_id], wanted) if experiment else []
    for run in runs:
        if upload.whole_model(client, run):
            return run
    raise InputError(f"MLflow at {location.address()} has no finished run of {name} as it is on disk: {server.SYNC}")


def make(client: Client, run: Any, dataset: str, candidate: Candidate, fingerprint: str) -> Version:
    """Return the version of a fingerprint, with its tags; one left by an earlier promotion is used again."""
    tags = _tags(run, candidate, fingerprint)
    if found := client.search_model_versions(f"name = '{dataset}' and tags.fingerprint = '{fingerprint}'"):
        for key, value in tags.items():
            client.set_model_version_tag(dataset, found[0].version, key, value)
        return client.get_model_version(dataset, found[0].version)
    if not client.search_registered_models(f"name = '{dataset}'"):
        client.create_registered_model(dataset, description=f"The classifier of {dataset} in use is its `{CHAMPION}`.")
    made, text = upload.whole_model(client, run), _description(dataset, candidate, run)
    source, run_id = f"models:/{made}", run.info.run_id
    return client.create_model_version(dataset, source, run_id, tags, description=text, model_id=made)


def _tags(run: Any, candidate: Candidate, fingerprint: str) -> dict[str, str]:
    scores = candidate.evaluation.scores
    accuracies = {split: scores[split]["accuracy"] for split in ("test", "validation") if split in scores}
    return {
        **{f"{split}.accuracy": str(accuracy) for split, accuracy in accuracies.items()},
        # unknown of a rebuilt run, and of a folder that no commit has
        **{key: run.data.tags.get(key, "unknown") for key in ("git.commit", "git.clean")},
        "model": candidate.training.model,
        "seed": str(candidate.training.seed),
        "fingerprint": fingerprint,
        "test.md5": fingerprints.md5(paths.TEST),
        "class_names": json.dumps(candidate.evaluation.class_names, ensure_ascii=False),
    }


def _description(dataset: str, candidate: Candidate, run: Any) -> str:
    """Write what a version is, and as many sections of its model's card as a tracking server takes."""
    scores = candidate.evaluation.scores
    low, high = significance.accuracy_interval(candidate.evaluation.right[None])
    validation = f"- validation accuracy {scores['validation']['accuracy']:.4f}\n" if "validation" in scores else ""
    text = (
        f"**{candidate.training.name}** on {dataset}: `{run.data.params.get('network', candidate.training.model)}`, "
        f"{scores['parameters']:,} parameters.\n\n"
        f"- test accuracy {scores['test']['accuracy']:.4f} (95 % interval {low:.4f} – {high:.4f})\n"
        f"{validation}"
        "- takes raw 8-bit pixels; the scaling is the network's first layer\n\n"
    )
    card = files.read_text(path) if (path := paths.card(candidate.training.model)).exists() else ""
    for section in re.split("(?=^#+ )", card, flags=re.MULTILINE):
        if len(text) + len(section) > LONGEST:
            return text
        text += section
    return text


def move(client: Client, dataset: str, champion: Any, previous: Any) -> None:
    """Set both aliases, or `champion` alone where there is no previous version.

    The tag comes first and goes last, so that `finish` can do the rest of a move that was cut off.
    """
    target = {CHAMPION: str(champion)} | ({PREVIOUS: str(previous)} if previous else {})
    client.set_registered_model_tag(dataset, MOVING, json.dumps(target))
    for alias, version in target.items():
        client.set_registered_model_alias(dataset, alias, version)
    client.delete_registered_model_tag(dataset, MOVING)


def finish(client: Client, dataset: str) -> bool:
    """Do the rest of a move that was cut off, and say whether there was one."""
    for model in client.search_registered_models(f"name = '{dataset}'"):
        if MOVING in model.tags:
            target = json.loads(model.tags[MOVING])
            move(client, dataset, target[CHAMPION], target.get(PREVIOUS))
            return True
    return False
