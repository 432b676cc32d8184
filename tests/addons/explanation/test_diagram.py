import pandas as pd
import pytest

from pipeline.addons.explanation import diagram
from tests.pictures import is_whole, texts, words_meet

LAYERS = pd.DataFrame(
    {
        "layer": ["pixels", "scaling", "flatten", "logits", "probabilities"],
        "kind": ["InputLayer", "Rescaling", "Flatten", "Dense", "Softmax"],
        "output_shape": ["28 × 28 × 1", "28 × 28 × 1", "784", "10", "10"],
        "parameters": [0, 0, 0, 7850, 0],
    }
)


def test_every_layer_is_written_out_in_order() -> None:
    title, _, _, *written = texts(diagram.network(LAYERS))
    assert title == "5 layers, 7,850 parameters"
    assert written[:8] == ["pixels", "InputLayer", "28 × 28 × 1", "0", "scaling", "Rescaling", "28 × 28 × 1", "0"]
    assert written[-8:] == ["logits", "Dense", "10", "7,850", "probabilities", "Softmax", "10", "0"]


@pytest.mark.parametrize("repeats", [1, 12])
def test_nothing_is_clipped(repeats: int) -> None:
    assert is_whole(diagram.network(pd.concat([LAYERS] * repeats)))


def test_a_network_without_parameters_can_be_drawn() -> None:
    assert is_whole(diagram.network(LAYERS.assign(parameters=0)))


def test_texts_keep_apart_where_names_and_numbers_are_long() -> None:
    columns = {
        "layer": ["block10_conv10_activation", "block10_conv10_norm"],
        "kind": ["BatchNormalization", "BatchNormalization"],
        "output_shape": ["100 × 100 × 1024", "10240000"],
        "parameters": [1, 987_654_321],
    }
    figure = diagram.network(pd.DataFrame(columns))
    assert is_whole(figure)
    assert not words_meet(figure)
