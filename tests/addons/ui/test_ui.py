"""`make ui` serves the store where it says."""

import os
import sys
from pathlib import Path

import mlflow
import pytest

from pipeline.addons.ports import ports
from pipeline.addons.ui import command, views


def test_ui_serves_the_store_where_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], empty_database: Path
) -> None:
    port, store = "5055", f"sqlite:///{tmp_path}/runs.db"
    (tmp_path / "runs.db").write_bytes(empty_database.read_bytes())
    client = mlflow.MlflowClient(store)
    client.create_run(made := client.create_experiment("digits"), tags={"fingerprint": "f"})
    for name, value in (("UI_PORT", port), ("MLFLOW_TRACKING_URI", store)):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ui"])
    monkeypatch.setattr(ports, "require_free", lambda *_: None)
    ran: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, typed: ran.append(typed))
    command.main()
    assert capsys.readouterr().out.startswith(f"digits: http://127.0.0.1:{port}/#/experiments/{made}/runs?")
    ((_, *typed),) = ran
    assert typed[:3] == ["-m", "mlflow", "server"]
    assert dict(zip(typed[3::2], typed[4::2], strict=True)) == {
        "--host": "127.0.0.1",
        "--port": port,
        "--workers": "1",
        "--backend-store-uri": store,
        "--artifacts-destination": f"{tmp_path}/mlartifacts",
    }


def test_ui_of_a_server_prints_its_addresses_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ports, "require_free", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example.org:5000")
    monkeypatch.setattr(sys, "argv", ["ui"])
    monkeypatch.setattr(views, "addresses", lambda page: f"digits: {page}")
    command.main()
    assert capsys.readouterr().out == "digits: http://mlflow.example.org:5000\n"
