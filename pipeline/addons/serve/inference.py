"""The open inference protocol, version 2, as KServe has it: `images` in, `probabilities` out, as JSON or as bytes."""

import json
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from pipeline.addons.serve import bodies
from pipeline.addons.serve.model import Model
from pipeline.base.errors import InputError, short

HEADER = "inference-header-content-length"  # bytes of JSON, before those of the tensors
INPUT, OUTPUT = "images", "probabilities"


def described(model: Model) -> dict[str, Any]:
    """Return a model's metadata."""
    return {
        "name": model.about["dataset"],
        "versions": [model.version],
        "platform": "litert",
        "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, *model.shape]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, len(model.classes)]}],
    }


def asked(request: Request, body: bytes) -> tuple[dict[str, Any], bytes]:
    """Part a body into its JSON and the bytes behind it; raise `InputError` unless there is a JSON object."""
    stated = request.headers.get(HEADER, str(len(body)))
    if not stated.isdecimal() or len(stated) > 10 or int(stated) > len(body):
        raise InputError(f"the header Inference-Header-Content-Length is {short(stated)}: the body has {len(body)}")
    try:
        content = json.loads(body[: int(stated)])
    except (ValueError, RecursionError) as error:
        raise InputError(f"the body is not JSON: {short(str(error))}") from None
    if not isinstance(content, dict) or not isinstance(content.get("inputs"), list):
        raise InputError('the body is not {"inputs": [tensor]}')
    return content, body[int(stated) :]


def images_of(content: dict[str, Any], rest: bytes, model: Model) -> np.ndarray:
    """Return the images of a request as uint8; raise `InputError` for anything but one tensor of them."""
    tensors = content["inputs"]
    if len(tensors) != 1 or not isinstance(tensors[0], dict) or tensors[0].get("name") != INPUT:
        raise InputError(f'inputs is not one tensor with the name "{INPUT}"')
    tensor = tensors[0]
    if tensor.get("datatype") != "UINT8":
        raise InputError(f"the datatype is {short(tensor.get('datatype'))}, not UINT8")
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 2**31 for size in shape):
        raise InputError(f"the shape is {short(shape)}, not a list of sizes")
    size = _parameters(tensor).get("binary_data_size")
    if size is None and "data" in tensor:
        bodies.require_shape(tuple(shape), model.shape)
        return bodies.of_numbers(tensor["data"], tuple(shape))
    if type(size) is not int or size != len(rest) or "data" in tensor:
        raise InputError("give data, or binary_data_size and as many bytes behind the JSON")
    return bodies.from_raw(rest, ",".join(map(str, shape)), model.shape)


def answer(content: dict[str, Any], model: Model, probabilities: np.ndarray) -> Response:
    """Return the probabilities as a request wants them: as numbers in JSON or as bytes behind it."""
    tensor: dict[str, Any] = {"name": OUTPUT, "datatype": "FP32", "shape": list(probabilities.shape)}
    told: dict[str, Any] = {"model_name": model.about["dataset"], "model_version": model.version, "outputs": [tensor]}
    if isinstance(content.get("id"), str):
        told["id"] = content["id"]
    if not _binary(content):
        tensor["data"] = probabilities.ravel().tolist()
        return Response(json.dumps(told), media_type="application/json")
    tail = probabilities.astype("<f4").tobytes()
    tensor["parameters"] = {"binary_data_size": len(tail)}
    head = json.dumps(told).encode()
    return Response(head + tail, headers={HEADER: str(len(head))}, media_type="application/octet-stream")


def _binary(content: dict[str, Any]) -> bool:
    outputs = content.get("outputs")
    if isinstance(outputs, list) and outputs and isinstance(outputs[0], dict):
        if outputs[0].get("name") != OUTPUT or len(outputs) > 1:
            raise InputError(f'outputs is not one tensor with the name "{OUTPUT}"')
        if "binary_data" in (wanted := _parameters(outputs[0])):
            return wanted["binary_data"] is True
    return _parameters(content).get("binary_data_output") is True


def _parameters(holder: dict[str, Any]) -> dict[str, Any]:
    found = holder.get("parameters", {})
    return found if isinstance(found, dict) else {}
