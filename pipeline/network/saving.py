"""Files of a network: the same weights, the same bytes."""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras

from pipeline.base.errors import InputError

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def to_bytes(network: keras.Model) -> bytes:
    """Return the content of a `.keras` file of the network without its optimizer: the same weights, the same bytes.

    It computes in float32 and by Keras's own layers, however it was trained, so that any processor has what it needs.
    Keras writes the date, memory addresses (`shared_object_id`) and the time of day (in the zip) into it; these go.
    """
    bare = _portable(keras.Model(network.input, network.output, name=network.name))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        bare.save(path)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
    for name in ("config.json", "metadata.json"):
        members[name] = json.dumps(json.loads(members[name], object_hook=_without_chance), indent=1).encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), member)
    return content.getvalue()


def _portable(network: keras.Model) -> keras.Model:
    def portable(layer: keras.layers.Layer) -> keras.layers.Layer:
        kind = getattr(keras.layers, type(layer).__name__)
        config = layer.get_config()
        return kind.from_config(config if isinstance(layer, keras.layers.InputLayer) else config | {"dtype": "float32"})

    copy = keras.models.clone_model(network, clone_function=portable)
    copy.set_weights(network.get_weights())
    return copy


def load(path: Path) -> keras.Model:
    """Load a `.keras` file for prediction; a missing or broken one is an `InputError`."""
    if not path.is_file():
        raise InputError(f"{path} is missing: `dvc repro` makes it")
    try:
        network: keras.Model = keras.models.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a whole .keras file ({reason}): delete it and run `dvc repro`") from None
    return network


def _without_chance(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in ("date_saved", "shared_object_id")}
