"""Train one model of params.yaml with one seed: `train TRAINING PREPARED_FOLDER MODEL_FILE REPORT_FOLDER`."""

from pathlib import Path

from pipeline.base import errors, files, processor, tables
from pipeline.config import loading, network_fits
from pipeline.runs import description, fingerprints


def main() -> None:
    """Write the network, its table of layers and its history, and log all of it to MLflow."""
    name, *paths = errors.arguments("TRAINING PREPARED_FOLDER MODEL_FILE REPORT_FOLDER")
    prepared, model_file, reports = map(Path, paths)
    errors.end_with_parent()
    params = loading.load()
    trained, stage = params.training(name), f"train@{name}"
    network = params.models[trained.model]
    fingerprint = fingerprints.of_stage(stage)
    dataset = files.read_json(prepared / "dataset.json")
    network_fits.check_networks(params, dataset["image_shape"])
    if network.train.precision == "mixed_bfloat16":
        processor.warn_without_bfloat16(f"models.{trained.model}.train.precision")
    from pipeline.cluster import training as cluster
    from pipeline.network import building, saving, temperature, training  # here, so that bad params are refused at once
    from pipeline.runs import journal, sending

    train, validation = (files.open_labelled(prepared / f"{part}.npz") for part in ("train", "validation"))
    model = training.untrained(network, dataset, len(train[1]), trained.seed)
    print(f"{name}: {model.count_params():,} parameters, {len(train[1]):,} images to train on", flush=True)
    data = sending.dataset(params.fetch.dataset_name, prepared / "train.npz", train)
    described = description.of_training(params, trained, fingerprint, data)
    recorded = fingerprints.recorded(stage) == fingerprint
    with sending.in_background() as send, journal.opened(described, recorded) as record:

        def on_epoch(row: training.Row, state: files.Arrays) -> None:
            record.log_epoch(row, len(train[1]))
            record.save_state(state)
            send()

        fit = training.fit if network.train.workers == 1 else cluster.fit
        history = fit(model, train, validation, network.train, trained.seed, on_epoch, record.state())
        if network.train.temperature_scaling:
            model = temperature.scaled(model, validation)
        fingerprints.require_unchanged(stage, fingerprint)
        layers_file, history_file = reports / "layers.csv", reports / "history.csv"
        tables.write_csv(layers_file, building.layer_table(model))
        tables.write_csv(history_file, history)
        files.write_bytes(model_file, saving.to_bytes(model))
        record.attach_training(model_file, train[0], [layers_file, history_file])


if __name__ == "__main__":
    errors.run(main)
