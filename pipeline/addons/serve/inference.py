"""The open inference protocol, version 2, as KServe has it: `images` in, `probabilities` out, as JSON or as bytes."""

import json
from typing import Any, NamedTuple

import numpy as np
import simdjson
from starlette.responses import Response

from pipeline.addons.serve import bodies
from pipeline.addons.serve.model import Model
from pipeline.base.errors import InputError, short

HEADER = "inference-header-content-length"  # bytes of JSON, before those of the tensors
INPUT, OUTPUT = "images", "probabilities"


class Asked(NamedTuple):
    """Images, and how their answer is to look: its id, and whether it is in bytes."""

    images: np.ndarray
    id: str | None
    binary: bool


def described(model: Model) -> dict[str, Any]:
    """Return a model's metadata."""
    return {
        "name": model.name,
        "versions": [model.version],
        "platform": "litert",
        "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, *model.shape]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, len(model.classes)]}],
    }


def read(body: bytes, stated: str | None, model: Model) -> Asked:
    """Read a request, of which `stated` bytes are JSON if not all; raise `InputError` unless it is one of images."""
    length = len(body) if stated is None else int(stated) if stated.isdecimal() and len(stated) < 11 else -1
    if not 0 <= length <= len(body):
        raise InputError(f"the header Inference-Header-Content-Length is {short(stated)}: the body has {len(body)}")
    content = bodies.parse(body[:length])
    tensor = _only(content, "inputs", INPUT)
    if tensor is None:
        raise InputError(f'the body is not {{"inputs": [tensor]}}, of one tensor with the name "{INPUT}"')
    named = content.get("id")
    return Asked(_images(tensor, body[length:], model), named if isinstance(named, str) else None, _binary(content))


def answer(asked: Asked, model: Model, probabilities: np.ndarray) -> Response:
    """Return the probabilities as a request wants them: as numbers in JSON or as bytes behind it."""
    tensor: dict[str, Any] = {"name": OUTPUT, "datatype": "FP32", "shape": list(probabilities.shape)}
    told: dict[str, Any] = {"model_name": model.name, "model_version": model.version, "outputs": [tensor]}
    if asked.id is not None:
        told["id"] = asked.id
    if not asked.binary:
        tensor["data"] = probabilities.ravel().tolist()
        return Response(json.dumps(told), media_type="application/json")
    tail = probabilities.astype("<f4").tobytes()
    tensor["parameters"] = {"binary_data_size": len(tail)}
    head = json.dumps(told).encode()
    return Response(head + tail, headers={HEADER: str(len(head))}, media_type="application/octet-stream")


def _images(tensor: Any, rest: bytes, model: Model) -> np.ndarray:
    if (kind := tensor.get("datatype")) != "UINT8":
        raise InputError(f"the datatype is {short(kind)}, not UINT8")
    given = tensor.get("shape")
    shape: list[Any] = given.as_list() if isinstance(given, simdjson.Array) else [given]
    if not all(type(size) is int and 0 <= size < 2**31 for size in shape):
        raise InputError(f"the shape is {short(shape)}, not a list of sizes")
    size = _parameter(tensor, "binary_data_size")
    if size is None and "data" in tensor:
        bodies.require_shape(tuple(shape), model.shape)
        return bodies.of_numbers(tensor["data"], tuple(shape))
    if type(size) is not int or size != len(rest) or "data" in tensor:
        raise InputError("give data, or binary_data_size and as many bytes behind the JSON")
    return bodies.from_raw(rest, ",".join(map(str, shape)), model.shape)


def _binary(content: Any) -> bool:
    if content.get("outputs"):
        output = _only(content, "outputs", OUTPUT)
        if output is None:
            raise InputError(f'outputs is not one tensor with the name "{OUTPUT}"')
        if (wanted := _parameter(output, "binary_data")) is not None:
            return wanted is True
    return _parameter(content, "binary_data_output") is True


def _only(content: Any, key: str, name: str) -> Any:
    """Return the one tensor of a list, which has that name, or None."""
    tensors = content.get(key) if isinstance(content, simdjson.Object) else None
    found = [*tensors] if isinstance(tensors, simdjson.Array) and len(tensors) == 1 else [None]
    return found[0] if isinstance(found[0], simdjson.Object) and found[0].get("name") == name else None


def _parameter(holder: Any, name: str) -> Any:
    found = holder.get("parameters")
    return found.get(name) if isinstance(found, simdjson.Object) else None
