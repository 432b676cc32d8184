"""What the Dockerfiles and compose.yaml of deploy/ promise, as far as it can be held without Docker."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pathspec
import pytest

from pipeline.base import files
from tests.conftest import ROOT
from tests.images import copied, instructions

FILES = ["deploy/Dockerfile", "deploy/Dockerfile.pipeline"]
DIGEST = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


def last(name: str, word: str) -> str:
    return [rest for given, rest in instructions(name) if given == word][-1]


def kept_back() -> pathspec.GitIgnoreSpec:
    """Read .dockerignore, whose patterns all begin at the top, as .gitignore's do with a slash."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return pathspec.GitIgnoreSpec.from_lines(re.sub(r"^(!?)(?=[^#])", r"\1/", line) for line in lines)


def compose() -> dict[str, Any]:
    return files.read_yaml(ROOT / "deploy/compose.yaml")


def services() -> list[Any]:
    return [pytest.param(service, id=name) for name, service in compose()["services"].items()]


@pytest.mark.parametrize("name", FILES)
def test_hadolint_finds_nothing(name: str) -> None:
    if not (hadolint := shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")):
        pytest.skip("hadolint comes with `make test`")
    done = subprocess.run([hadolint, ROOT / name], check=False, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


def test_compose_file_is_one_by_its_schema() -> None:
    pytest.importorskip("check_jsonschema", reason="comes with `make test`")
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / "deploy/compose.yaml")]
    done = subprocess.run([sys.executable, "-m", *command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", FILES)
def test_base_images_are_pinned_by_digest(name: str) -> None:
    bases = [rest.split() for word, rest in instructions(name) if word == "FROM"]
    stages = {words[2] for words in bases if len(words) == 3}
    assert [base for base, *_ in bases if base not in stages and not DIGEST.fullmatch(base)] == []


@pytest.mark.parametrize("name", FILES)
def test_image_runs_as_a_user_who_is_not_root_and_without_a_shell(name: str) -> None:
    user, group = map(int, last(name, "USER").split(":"))
    assert user > 0 < group
    started = [rest for word, rest in instructions(name) if word in ("ENTRYPOINT", "CMD")]
    started += [rest.partition("CMD ")[2] for word, rest in instructions(name) if word == "HEALTHCHECK"]
    assert started
    assert all(isinstance(json.loads(words), list) for words in started)  # SIGTERM would end with a shell


@pytest.mark.parametrize("name", FILES)
def test_what_is_installed_is_held_to_the_hashes_of_a_lock_that_exists(name: str) -> None:
    installs = [part for word, rest in instructions(name) if word == "RUN" for part in rest.split("&&")]
    installs = [part for part in installs if "pip install" in part]
    assert installs
    assert all("--require-hashes" in part and "--no-cache" in part for part in installs)
    (lock,) = {source for source in copied(name) if source.endswith(".lock")}
    assert lock in " ".join(installs)


@pytest.mark.parametrize("name", FILES)
def test_what_is_copied_exists_and_reaches_docker(name: str) -> None:
    assert [source for source in copied(name) if not (ROOT / source).exists()] == []
    assert list(kept_back().match_files(copied(name))) == []


def test_secrets_data_and_history_do_not_reach_docker() -> None:
    paths = {".env", "deploy/.env", ".git/config", "data/x.npz", "mlflow.db", "pipeline/base/__pycache__/files.pyc"}
    assert set(kept_back().match_files(paths)) == paths


@pytest.mark.parametrize("service", services())
def test_services_are_pinned_and_can_do_no_more_than_they_must(service: dict[str, Any]) -> None:
    assert "build" in service or DIGEST.fullmatch(service["image"])
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert not service.get("privileged")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("service", services())
def test_services_that_stay_say_whether_they_are_well(service: dict[str, Any]) -> None:
    target = service.get("build", {}).get("target")
    assert "healthcheck" in service or target == "service" or service["restart"] == "no"
    if target:
        assert "HEALTHCHECK" in (ROOT / "deploy/Dockerfile").read_text()


def test_stores_cannot_be_reached_from_outside() -> None:
    file = compose()
    assert file["networks"]["stores"]["internal"]
    assert [file["services"][name]["networks"] for name in ("postgres", "s3")] == [["stores"]] * 2
    assert not [name for name in ("postgres", "s3") if "ports" in file["services"][name]]


def test_every_secret_is_a_variable_that_the_example_names_and_git_ignores() -> None:
    text = (ROOT / "deploy/compose.yaml").read_text()
    named = set(re.findall(r"^(\w+)=", (ROOT / "deploy/.env.example").read_text(), re.M))
    assert named == set(re.findall(r"\$\{(\w+)", text))
    assert [line for line in text.splitlines() if re.search(r"(PASSWORD|SECRET\w*|TOKEN): (?!\$\{)", line)] == []
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
