"""The service's image: what the service imports, and the image's steps taken without Docker."""

import io
import json
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import Any
from urllib import request

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from benchmarks.servers import free_port
from pipeline.addons.registry import folder as version_folder
from pipeline.base import files
from tests.conftest import ROOT
from tests.images import build, copied


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a version of a small network."""
    import keras

    from pipeline.addons.export.litert import to_litert

    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    about = {
        "classes": ["bright", "dark"],
        "dataset": "shop",
        "version": "7",
        "model": "small",
        "fingerprint": "f" * 64,
    }
    folder = tmp_path_factory.mktemp("version")
    version_folder.write(
        folder, to_litert(keras.Sequential(layers)), about | {"fingerprint": "f" * 64, "description": "small"}
    )
    return folder


def answered(port: int, process: "subprocess.Popen[str]") -> Any:
    """Wait until a service is up, ask it what an image and a picture show, and return its answers."""
    picture = io.BytesIO()
    Image.new("L", (9, 9), 200).save(picture, "PNG")
    while True:
        assert process.poll() is None, process.communicate()
        with suppress(OSError):
            assert request.urlopen(f"http://127.0.0.1:{port}/health").status == 200
            break
        time.sleep(0.05)
    assert b"<html" in request.urlopen(f"http://127.0.0.1:{port}/").read()
    bodies = {"application/json": json.dumps({"inputs": np.zeros((1, 4, 4, 1), int).tolist()}).encode()}
    bodies["image/png"] = picture.getvalue()
    asked = [
        request.Request(f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": kind})
        for kind, body in bodies.items()
    ]
    return [json.load(request.urlopen(one))["predictions"] for one in asked]


def brought(requirements: Iterable[str]) -> set[str]:
    """List the packages that are required, and all that they require in turn."""
    found: set[str] = set()
    left = [Requirement(text) for text in requirements]
    while left:
        required = left.pop()
        name = canonicalize_name(required.name)
        if name not in found and (required.marker is None or required.marker.evaluate({"extra": ""})):
            found.add(name)
            left += map(Requirement, distribution(name).requires or [])
    return found


def test_service_imports_what_its_group_brings_and_nothing_else(version: Path, tmp_path: Path) -> None:
    told, port = tmp_path / "modules.json", free_port()
    code = f"""import sys
before = set(sys.modules)
import atexit, json, runpy
def tell():
    files = {{name: getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - before}}
    open({str(told)!r}, "w").write(json.dumps(files))
atexit.register(tell)
sys.modules["python_multipart"] = None  # which Starlette imports where it is, for forms that the service does not take
runpy.run_module("pipeline", run_name="__main__", alter_sys=True)"""
    command = [sys.executable, "-c", code, "serve", str(port), "--folder", str(version)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        answered(port, process)
    finally:
        process.terminate()
        process.communicate()
    modules = {name: file for name, file in files.read_json(told).items() if file}
    known = packages_distributions()
    packages = {name.partition(".")[0] for name, file in modules.items() if "site-packages" in file} & set(known)
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["serve"]
    assert {name for name in packages if not {canonicalize_name(one) for one in known[name]} & brought(group)} == set()
    assert "pipeline" in copied("deploy/Dockerfile")


@pytest.mark.slow
def test_steps_of_the_image_in_empty_folders_give_a_service_that_answers(version: Path, tmp_path: Path) -> None:
    context, port = tmp_path / "context", free_port()
    shutil.copytree(version, context / "version")
    for source in copied("deploy/Dockerfile"):
        place = context / source
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / source).is_dir() else shutil.copy)(ROOT / source, place)
    try:
        image = build("deploy/Dockerfile", tmp_path, context, MODEL="version")
    except AssertionError as error:
        if "Failed to establish a new connection" in str(error):
            pytest.skip("it installs packages, and no index of them answers")
        raise
    command = [*image.words("ENTRYPOINT", "CMD"), str(port)]
    process = subprocess.Popen(
        command, cwd=image.work, env=image.variables(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        by_image = answered(port, process)
        health = [word.replace("5001", str(port)) for word in image.words("HEALTHCHECK")]
        assert subprocess.run(health, env=image.variables(), check=False).returncode == 0
    finally:
        process.terminate()
        process.communicate()
    assert process.returncode == 0
    assert [len(rows) for rows in by_image] == [1, 1]
    assert (
        sum(file.stat().st_size for file in image.root.rglob("*") if file.is_file()) < 150e6
    )  # beside a base of 61 MB
    assert list((image.root / "bytecode").rglob("uvicorn/*.pyc"))
    assert not list(image.work.rglob("__pycache__"))
