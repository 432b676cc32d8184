"""ONNX files of a network."""

from collections.abc import Mapping

import keras
import numpy as np
import onnx
import tf2onnx

from pipeline.addons.export.conversion.frozen import frozen
from pipeline.base.quiet import stderr_held_back


def to_onnx(model: keras.Model, metadata: Mapping[str, str]) -> bytes:
    """Return the content of an `.onnx` file: raw uint8 `pixels` in, `probabilities` out, `metadata` as its props."""
    network = frozen(model)
    with stderr_held_back():
        converted, _ = tf2onnx.convert.from_function(network, network.input_signature)
    _spell_out_erfc(converted.graph)
    _name_anew(converted.graph)
    onnx.helper.set_model_props(converted, dict(metadata))
    onnx.checker.check_model(converted)
    return bytes(converted.SerializeToString(deterministic=True))


def _spell_out_erfc(graph: onnx.GraphProto) -> None:
    """Put 1 - erf in place of erfc, of which gelu is made: tf2onnx leaves it, and ONNX has no such operation."""
    nodes = []
    for node in graph.node:
        if node.op_type == "Erfc":
            erf = f"{node.output[0]}/erf"
            nodes += [
                onnx.helper.make_node("Erf", node.input, [erf]),
                onnx.helper.make_node("Sub", ["one", erf], node.output),
            ]
        else:
            nodes.append(node)
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, np.float32), "one"))
    del graph.node[:]
    graph.node.extend(nodes)


def _name_anew(graph: onnx.GraphProto) -> None:
    """Name what is inside by its place: of equal constants, tf2onnx keeps whichever a set has first."""
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    constants: dict[str, onnx.TensorProto] = {}
    stored = {constant.name: constant for constant in graph.initializer}
    for number, node in enumerate(graph.node):
        for name in node.input:
            if name in stored and name not in constants:
                names[name] = f"constant{len(constants)}"
                constants[name] = stored[name]
        for name in node.output:
            names.setdefault(name, f"value{len(names)}")
        node.name = f"{node.op_type}{number}"
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names[name] for name in node.output]
    for name, constant in constants.items():
        constant.name = names[name]
    in_order = list(constants.values())
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(in_order)
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "images"
