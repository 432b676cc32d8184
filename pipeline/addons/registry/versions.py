"""The registered model's versions and aliases, as MLflow holds them: one model for each dataset."""

import json
import os
from typing import Any

from mlflow.exceptions import MlflowException

from pipeline.base.errors import InputError
from pipeline.config.schema import Training
from pipeline.evaluation.records import Evaluation
from pipeline.tracking import fingerprints, location, paths, server, upload

CHAMPION, PREVIOUS = "champion", "previous"

Client = Any  # mlflow.MlflowClient, which has no types
Version = Any  # mlflow.entities.model_registry.ModelVersion


def connect() -> Client:
    """Return a client of the pipeline's store; raise `InputError` where there is none yet."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    if (database := location.database()) and not database.is_file():
        raise InputError(f"{database} is missing: `dvc repro` makes it as it trains, and {server.SYNC}")
    return server.connect()


def by_alias(client: Client, dataset: str, alias: str) -> Version | None:
    """Return the version that an alias names, or None; raise `InputError` for one that was not promoted here."""
    models = client.search_registered_models(f"name = '{dataset}'")
    if not models or alias not in models[0].aliases:
        return None
    version = client.get_model_version(dataset, models[0].aliases[alias])
    if "class_names" not in version.tags:
        raise InputError(f"{dataset} version {version.version} is `{alias}` but not of `promote`: move it by hand")
    return version


def require_champion(client: Client, dataset: str) -> Version:
    """Return the champion's version; raise `InputError`, with the remedy, if there is none."""
    if version := by_alias(client, dataset, CHAMPION):
        return version
    where = location.address()
    raise InputError(f"{dataset} has no champion at {where}: `python -m pipeline registry promote` makes one")


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


def finished_run(client: Client, dataset: str, name: str, fingerprint: str) -> tuple[str, str]:
    """Return the ids of a fingerprint's latest finished run and of its model; raise `InputError` if there is none."""
    experiment = client.get_experiment_by_name(dataset)
    wanted = f"tags.fingerprint = '{fingerprint}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment.experiment_id], wanted) if experiment else []
    for run in runs:
        if model := upload.whole_model(client, run):
            return run.info.run_id, model
    raise InputError(f"MLflow at {location.address()} has no finished run of {name} as it is on disk: {server.SYNC}")


def make(client: Client, run: str, model: str, dataset: str, tags: dict[str, str]) -> Version:
    """Return the version of a fingerprint, with its tags; one left by an earlier promotion is used again."""
    same = f"name = '{dataset}' and tags.fingerprint = '{tags['fingerprint']}'"
    if found := client.search_model_versions(same):
        for key, value in tags.items():
            client.set_model_version_tag(dataset, found[0].version, key, value)
        return client.get_model_version(dataset, found[0].version)
    if not client.search_registered_models(f"name = '{dataset}'"):
        client.create_registered_model(dataset, description=f"The classifier of {dataset} in use is its `{CHAMPION}`.")
    return client.create_model_version(dataset, f"models:/{model}", run, tags, model_id=model)


def tags(training: Training, evaluation: Evaluation, fingerprint: str) -> dict[str, str]:
    """Return what a version says of itself: its accuracies, which model it is, the test split, its classes."""
    scores = evaluation.scores
    return {
        **{f"{split}.accuracy": str(scores[split]["accuracy"]) for split in ("test", "validation") if split in scores},
        "model": training.model,
        "seed": str(training.seed),
        "fingerprint": fingerprint,
        "test.md5": fingerprints.md5(paths.TEST),
        "class_names": json.dumps(evaluation.class_names, ensure_ascii=False),
    }
