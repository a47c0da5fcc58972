"""``menshen webhooks``: the test button and the delivery log, against a receiver on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from menshen.callouts.signing import signature_holds
from menshen.cli.app import app
from menshen.secret import Secret
from tests.node.receivers import Taking, taking

SECRET = "canary-webhook-secret-0123456789"


@pytest.fixture
def receiver() -> Iterator[Taking]:
    with taking() as server:
        yield server


def menshen(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--data-dir", str(directory)])


@pytest.fixture
def data(tmp_path: Path, receiver: Taking) -> Path:
    document = tmp_path / "gateway.yaml"
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    document.write_text(f'version: 1\nwebhooks:\n  - {{name: crm, url: "{url}", secret: {SECRET}}}\n')
    directory = tmp_path / "data"
    run = menshen(directory, "apply", str(document))
    assert run.exit_code == 0, run.stderr
    return directory


def test_a_test_message_is_sent_signed_and_told_of(data: Path, receiver: Taking) -> None:
    run = menshen(data, "webhooks", "test", "crm")
    assert (run.exit_code, run.stdout) == (0, "delivered: HTTP 204\n")
    [(headers, body)] = receiver.messages
    assert signature_holds(headers, Secret(SECRET), body, float(headers["webhook-timestamp"]))
    [line] = menshen(data, "webhooks", "deliveries", "crm").stdout.splitlines()
    assert line.split()[2:5] == ["test", "delivered", "attempts=1"]
    assert "canary" not in run.stdout + line + body.decode()


def test_what_the_receiver_refuses_is_an_error_of_the_command(data: Path, receiver: Taking) -> None:
    receiver.status = 500
    run = menshen(data, "webhooks", "test", "crm")
    assert (run.exit_code, run.stdout, run.stderr) == (1, "", "not delivered: HTTP 500\n")
    [line] = menshen(data, "webhooks", "deliveries", "crm", "--status", "failed").stdout.splitlines()
    assert "HTTP 500" in line
    delivery = line.split()[0]
    assert menshen(data, "webhooks", "send-again", "crm", delivery).exit_code == 0
    assert menshen(data, "webhooks", "send-again", "crm", delivery).exit_code == 1
    assert "waiting" in menshen(data, "webhooks", "deliveries", "crm").stdout


def test_a_webhook_that_nobody_configured(data: Path) -> None:
    run = menshen(data, "webhooks", "test", "erp")
    assert (run.exit_code, run.stderr) == (1, "no webhook is named 'erp'\n")
    assert menshen(data, "webhooks", "deliveries", "erp").stderr == "nothing\n"
    assert menshen(data, "webhooks", "deliveries", "crm", "--status", "sent").exit_code == 2
