"""Random networks of the schema, that differ in all that a block or a dense layer may be."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from pipeline.base.errors import InputError
from pipeline.config import network_fits
from pipeline.config.models import Block, Model
from pipeline.network import building, saving

TRAIN = {
    "epochs": 1,
    "batch_size": 1,
    "optimizer": {"name": "sgd", "learning_rate": 1.0},
    "schedule": {"name": "constant"},
}
ACTIVATIONS = ["relu", "linear", "gelu", "silu", "elu", "tanh"]
CLASSES = 5


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a block."""
    count, residual = draw(st.integers(1, 2)), draw(st.booleans())

    def each(values: list[Any]) -> list[Any]:
        return draw(st.lists(st.sampled_from(values), min_size=count, max_size=count))

    return {
        "filters": each([1, 2, 3, 8]),
        "kernel_size": each([1, 2, 3, 5]),
        "strides": [1] * count if residual else each([1, 1, 2, 3]),
        "padding": ["same"] * count if residual else each(["same", "valid"]),
        "activation": each(ACTIVATIONS),
        "use_bias": each([True, False]),
        "batch_norm": draw(st.sampled_from(["none", "after_convolution", "after_pool"])),
        "residual": residual,
        "pool": draw(st.sampled_from(["max", "none"])),
        "dropout": draw(st.sampled_from([0.0, 0.5])),
    }


@st.composite
def networks(draw: st.DrawFn) -> tuple[dict[str, Any], tuple[int, int, int]]:
    """Draw a network as in params.yaml and the (height, width, channels) of its images, which fit it."""
    shape = draw(st.sampled_from([(8, 8, 1), (9, 14, 3), (28, 28, 1)]))
    network = {
        "blocks": draw(st.lists(blocks(), max_size=3)),
        "global_pool": draw(st.sampled_from(["none", "max", "average"])),
        "dense": draw(
            st.lists(
                st.fixed_dictionaries(
                    {
                        "units": st.integers(1, 9),
                        "activation": st.sampled_from(ACTIVATIONS),
                        "batch_norm": st.booleans(),
                        "dropout": st.sampled_from([0.0, 0.5]),
                    }
                ),
                max_size=2,
            )
        ),
    }
    try:
        network_fits._check_maps("", validated(network), *shape[:2])
    except InputError:
        network["blocks"] = []
    return network, shape


def validated(network: dict[str, Any]) -> Model:
    """Read a network as params.yaml's are read."""
    assert Block.model_fields.keys() >= {key for block in network["blocks"] for key in block}
    return Model.model_validate(network | {"train": TRAIN})


def built(network: dict[str, Any], shape: tuple[int, int, int], seed: int, folder: Any) -> Any:
    """Build a network with random weights, batch norm's averages among them, as Keras loads it from a file."""
    generator, channels = np.random.default_rng(seed), shape[-1]
    scaling = {"scale": [1 / 255] * channels, "offset": [-0.1] * channels}
    model = building.build(validated(network), shape, CLASSES, scaling)
    for variable in model.weights:
        if variable.path.rpartition("/")[2] in ("gamma", "moving_variance"):
            variable.assign(generator.uniform(0.5, 2, variable.shape))
        elif variable.path.rpartition("/")[2] in ("bias", "beta", "moving_mean"):
            variable.assign(generator.normal(0, 0.3, variable.shape))
    (folder / "model.keras").write_bytes(saving.to_bytes(model))
    return saving.load(folder / "model.keras")
