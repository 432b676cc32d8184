"""ONNX files of a network."""

from pipeline.addons.export.litert import frozen  # first: TensorFlow comes with it, quietly

# isort: split
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import onnx
import tf2onnx

from pipeline.base.quiet import stderr_held_back


def to_onnx(model: keras.Model, metadata: Mapping[str, str]) -> bytes:
    """Return the content of an `.onnx` file: raw uint8 `pixels` in, `probabilities` out, `metadata` as its props."""
    network = frozen(model)
    with stderr_held_back():
        converted, _ = tf2onnx.convert.from_function(
            network, network.input_signature, custom_op_handlers={"Erfc": (_erfc, [])}
        )
    _name_anew(converted.graph)
    onnx.helper.set_model_props(converted, dict(metadata))
    onnx.checker.check_model(converted)
    return bytes(converted.SerializeToString(deterministic=True))


def _erfc(graph: Any, node: Any, *_: Any) -> None:
    """Make erfc, of which gelu is made and which ONNX has not, 1 - erf, as tf2onnx's handlers change a graph."""
    node.type = "Erf"
    one = graph.make_const(f"{node.name}/one", np.array(1, np.float32)).output[0]
    (erf,) = node.output
    graph.insert_new_node_on_output("Sub", erf, inputs=[one, erf])


def _name_anew(graph: onnx.GraphProto) -> None:
    """Name all that is inside by its place: of equal constants, tf2onnx keeps whichever a set has first."""
    graph.name, graph.doc_string = "network", ""
    names = {"": ""} | {value.name: value.name for value in (*graph.input, *graph.output)}
    for number, node in enumerate(graph.node):
        for name in (*node.input, *node.output):
            names.setdefault(name, f"value{len(names)}")
        node.name = f"{node.op_type}{number}"
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for constant in graph.initializer:
        constant.name = names[constant.name]
    graph.initializer.sort(key=lambda constant: constant.name)
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "images"
