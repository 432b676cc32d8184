"""Train one model of params.yaml with one seed: `train STAGE PREPARED MODELS REPORTS`, as `train@vgg-42`."""

from pathlib import Path

from pipeline import addons
from pipeline.base import errors, files, processor, tables
from pipeline.config import loading, network_fits
from pipeline.data import arrays
from pipeline.tracking import description, fingerprints


def main() -> None:
    """Write the network, its table of layers and its history, and log all of it to MLflow."""
    stage, *folders = errors.arguments("STAGE PREPARED MODELS REPORTS")
    prepared, models, reports = map(Path, folders)
    errors.end_with_parent()
    params, name = loading.load(), stage.rpartition("@")[2]
    trained, stage = params.training(name), f"train@{name}"
    model_file, reports = models / f"{name}.keras", reports / name
    spec = params.models[trained.model]
    fingerprint = fingerprints.of_stage(stage)
    dataset = files.read_json(prepared / "dataset.json")
    network_fits.check_networks(params, dataset["image_shape"])
    if spec.train.precision == "mixed_bfloat16":
        processor.warn_without_bfloat16(f"models.{trained.model}.train.precision")
    trainer = addons.first("trainer", "train.workers") if spec.train.workers > 1 else None
    from pipeline.network import building, saving, temperature, training  # here, so that bad params are refused at once
    from pipeline.tracking import journals, sending

    train, validation = arrays.read(prepared / "train", at_random=True), arrays.read(prepared / "validation")
    network = training.untrained(spec, dataset, len(train[1]), trained.seed)
    print(f"{name}: {network.count_params():,} parameters, {len(train[1]):,} images to train on", flush=True)
    described = description.of_training(params, trained, fingerprint)
    recorded = fingerprints.recorded(stage) == fingerprint
    with sending.in_background() as send, journals.opened(described, recorded) as journal:

        def on_epoch(row: training.Row, state: files.Arrays) -> None:
            journal.log_epoch(row, len(train[1]))
            journal.save_state(state)
            send()

        fit = trainer.fit if trainer else training.fit
        learner, parts = training.to_learn(network, spec, (train, validation))
        history = fit(learner, *parts, spec.train, trained.seed, on_epoch, journal.state())
        if spec.train.temperature_scaling:
            network = temperature.scaled(network, validation)
        fingerprints.require_unchanged(stage, fingerprint)
        layers_file, history_file = reports / "layers.csv", reports / "history.csv"
        tables.write_csv(layers_file, building.layer_table(network))
        tables.write_csv(history_file, history)
        files.write_bytes(model_file, saving.to_bytes(network))
        journal.attach_training(model_file, [layers_file, history_file])


if __name__ == "__main__":
    errors.run(main)
