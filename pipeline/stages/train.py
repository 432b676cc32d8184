"""Train one model of params.yaml: `train MODEL PREPARED_FOLDER MODEL_FILE REPORT_FOLDER`."""

from pathlib import Path

from pipeline import errors, files, fingerprint, journal, params, processor, quiet, runs


def main() -> None:
    """Write the network, its table of layers, its history and its learning curves, and log all of it to MLflow."""
    name, *paths = errors.arguments("MODEL PREPARED_FOLDER MODEL_FILE REPORT_FOLDER")
    prepared, model_file, reports = map(Path, paths)
    errors.end_with_parent()
    settings = params.load()
    network = settings.model(name)
    inputs = fingerprint.of_stage(f"train@{name}")
    dataset = files.read_json(prepared / "dataset.json")
    params.check_networks(settings, dataset["image_shape"])
    if network.train.precision == "mixed_bfloat16":
        processor.warn_without_bfloat16(f"models.{name}.train.precision")
    quiet.import_tensorflow()
    from pipeline import curves, models, store, training  # here, so that bad params are refused at once

    train, validation = (files.read_labelled(prepared / f"{part}.npz") for part in ("train", "validation"))
    data = store.dataset(settings.fetch.dataset_name, prepared / "train.npz", train)
    training.make_deterministic(settings.seed)
    model = models.build(network, dataset["image_shape"], len(dataset["class_names"]), dataset["scaling"])
    print(f"{name}: {model.count_params():,} parameters, {len(train[1]):,} images to train on", flush=True)
    made = [reports / file for file in ("layers.csv", "history.csv", "learning_curves.png")]
    facts, recorded = runs.facts(settings, name, inputs, data), fingerprint.recorded(f"train@{name}") == inputs
    with store.sending() as send, journal.training(facts, recorded) as record:

        def on_epoch(row: training.Row, state: files.Arrays) -> None:
            record.log_epoch(row, len(train[1]))
            record.save_state(state)
            send()

        history = training.fit(model, train, validation, network.train, settings.seed, on_epoch, record.state())
        fingerprint.require(f"train@{name}", inputs)
        files.write_csv(made[0], models.layer_table(model))
        files.write_csv(made[1], history)
        files.write_figure(made[2], curves.learning_curves(history))
        files.write_bytes(model_file, models.to_bytes(model))
        record.attach_training(model_file, train[0], made)


if __name__ == "__main__":
    errors.run(main)
