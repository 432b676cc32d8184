"""The registered model's versions and aliases, as MLflow holds them: one model for each dataset."""

import json
import os
from typing import Any

from mlflow.exceptions import MlflowException

from pipeline.addons.registry.candidate import Candidate
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.evaluation import significance
from pipeline.tracking import fingerprints, location, paths, server, upload

CHAMPION, PREVIOUS = "champion", "previous"
UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")  # MLflow says either of a name or an alias
LONGEST = 5000  # characters of a version's description, in MLflow's table

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
    try:
        version = client.get_model_version_by_alias(dataset, alias)
    except MlflowException as error:
        if error.error_code in UNKNOWN:
            return None
        raise
    if "class_names" not in version.tags:
        which = f"{dataset} version {version.version}"
        raise InputError(f"{which} is `{alias}` but not of `promote`: move the alias by hand")
    return version


def require_champion(client: Client, dataset: str) -> Version:
    """Return the champion's version; raise `InputError`, with the remedy, if there is none."""
    if version := by_alias(client, dataset, CHAMPION):
        return version
    raise InputError(
        f"{dataset} has no champion at {location.address()}: `python -m pipeline registry promote` makes one"
    )


def describe(version: Version) -> str:
    """Say in words which version it is, as in `fashion_mnist version 2: vgg, test accuracy 0.9266`."""
    accuracy = float(version.tags["test.accuracy"])
    return f"{version.name} version {version.version}: {version.tags['model']}, test accuracy {accuracy:.4f}"


def about(version: Version) -> dict[str, Any]:
    """Return what clients of a version need: its classes, in the order of its probabilities, and which one it is."""
    which = {"dataset": version.name, "version": str(version.version), "description": describe(version)}
    tags = {key: version.tags[key] for key in ("model", "fingerprint")}
    return {"classes": json.loads(version.tags["class_names"])} | which | tags


def load(version: Version) -> Any:
    """Load the Keras model of a version."""
    import pipeline.network  # noqa: F401  # here: most commands do without TensorFlow, which this keeps quiet

    # isort: split
    import mlflow.tensorflow

    try:
        return mlflow.tensorflow.load_model(f"models:/{version.name}/{version.version}")
    except (MlflowException, OSError, ValueError) as error:
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
    tags = _tags(candidate, fingerprint)
    if found := client.search_model_versions(f"name = '{dataset}' and tags.fingerprint = '{fingerprint}'"):
        for key, value in tags.items():
            client.set_model_version_tag(dataset, found[0].version, key, value)
        return client.get_model_version(dataset, found[0].version)
    if not client.search_registered_models(f"name = '{dataset}'"):
        client.create_registered_model(dataset, description=f"The classifier of {dataset} in use is its `{CHAMPION}`.")
    model, text = upload.whole_model(client, run), _description(dataset, candidate)
    return client.create_model_version(
        dataset, f"models:/{model}", run.info.run_id, tags, description=text, model_id=model
    )


def _tags(candidate: Candidate, fingerprint: str) -> dict[str, str]:
    scores = candidate.evaluation.scores
    return {
        **{f"{split}.accuracy": str(scores[split]["accuracy"]) for split in ("test", "validation") if split in scores},
        "model": candidate.training.model,
        "seed": str(candidate.training.seed),
        "fingerprint": fingerprint,
        "test.md5": fingerprints.md5(paths.TEST),
        "class_names": json.dumps(candidate.evaluation.class_names, ensure_ascii=False),
    }


def _description(dataset: str, candidate: Candidate) -> str:
    """Write what a version is, and as much of its model's card as a tracking server takes."""
    evaluation = candidate.evaluation
    low, high = significance.accuracy_interval(evaluation.right[None])
    accuracy = f"{evaluation.scores['test']['accuracy']:.4f} (95 % interval {low:.4f} – {high:.4f})"
    text = f"**{candidate.training.name}** on {dataset}: test accuracy {accuracy}, takes raw 8-bit pixels.\n\n"
    card = paths.card(candidate.training.model)
    return (text + (files.read_text(card) if card.exists() else ""))[:LONGEST]
