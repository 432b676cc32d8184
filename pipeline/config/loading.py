"""The only reader of params.yaml: typed, strict, and quick to say what is wrong."""

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError, create_model

from pipeline import addons
from pipeline.base import files
from pipeline.base.errors import InputError
from pipeline.config.explain import explain
from pipeline.config.schema import Params

PARAMS_FILE = Path("params.yaml")


def load(path: Path = PARAMS_FILE) -> Params:
    """Read and check a whole params file; raise `InputError` with a line for each thing that is wrong."""
    return validate(files.read_yaml(path), str(path))


def validate(raw: dict[str, Any], source: str = PARAMS_FILE.name) -> Params:
    """Check plain mappings as `load` does; messages begin with `source`."""
    try:
        params = _schema().model_validate(_with_train_defaults(raw))
    except ValidationError as error:
        raise InputError("\nerror: ".join(f"{source}: {line}" for line in explain(error, raw))) from None
    try:
        for check in addons.functions("settings", "check"):
            check(params)
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None
    return params


@cache
def _schema() -> type[Params]:
    """Return `Params` with a section for each add-on that has settings, by its name."""
    found = addons.modules("settings").items()
    sections: dict[str, Any] = {name: (module.Settings, ...) for name, module in found if hasattr(module, "Settings")}
    return create_model("Params", __base__=Params, **sections)


def _with_train_defaults(raw: dict[str, Any]) -> dict[str, Any]:
    """Give each model the whole of `train`, its own keys first; what is no mapping is left for the schema to refuse."""
    models, defaults = raw.get("models"), raw.get("train")
    if not isinstance(models, dict) or not isinstance(defaults, dict):
        return raw
    merged = dict(models)
    for name, model in models.items():
        own = model.get("train", {}) if isinstance(model, dict) else None
        if isinstance(own, dict):
            merged[name] = model | {"train": defaults | own}
    return raw | {"models": merged}
