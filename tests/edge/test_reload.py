"""Changing the document while requests run: no failed request, and a bad document changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.conftest import Stack, running_stack
from tests.edge.load import under_load
from tests.edge.processes import REPOSITORY

APPLIES = 100


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("reload")) as running:
        yield running


def menshen(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "menshen", *arguments, "--data-dir", str(stack.data_dir)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        timeout=90,
        env={**os.environ, "OTHER_SECRET": "planted-appsecret-of-other-012345678"},
    )


def until(condition: object, timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def with_api(stack: Stack, name: str) -> str:
    return stack.config.read_text().replace(
        "{name: chat, path: /chat}", f"{{name: chat, path: /chat}}\n      - {{name: {name}, path: /{name}}}"
    )


def test_a_changed_file_is_live_at_once(stack: Stack) -> None:
    original = stack.config.read_text()
    state = stack.log_in("zhangsan")
    assert stack.gateway("/mall/extra", ("user_session", state)).status == 404
    stack.config.write_text(with_api(stack, "extra"))
    until(lambda: stack.gateway("/mall/extra", ("user_session", state)).status == 200)
    stack.config.write_text(original)
    until(lambda: stack.gateway("/mall/extra", ("user_session", state)).status == 404)


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("version: 1\napps: [", "line "),
        ("version: 2\n", "version"),
        ("version: 1\nunknown: 1\n", "unknown"),
        ("\xff\xfe", ""),
        ("", "version"),
    ],
    ids=["YAML cut short", "another version", "an unknown key", "not text", "empty"],
)
def test_a_bad_file_leaves_the_running_revision_and_says_so(bad: str, complaint: str, stack: Stack) -> None:
    original, told = stack.config.read_text(), len(stack.serve.log.read_text())
    state = stack.log_in("zhangsan")
    stack.config.write_bytes(bad.encode("latin-1"))
    try:
        # The node may look while the file is being written, and complain of half of it first.
        until(lambda: all(word in stack.serve.log.read_text()[told:] for word in ("refused", "stays", complaint)))
        assert stack.gateway("/mall/orders/1", ("user_session", state)).status == 200
    finally:
        stack.config.write_text(original)


def test_a_document_that_envoy_refuses_is_undone(stack: Stack) -> None:
    """It validates here; only Envoy can know that the certificate is not there."""
    original, told = stack.config.read_text(), len(stack.serve.log.read_text())
    state = stack.log_in("zhangsan")
    before = menshen(stack, "export").stdout
    stack.config.write_text(original + "listener: {tls: {certificate: /nowhere/cert.pem, key: /nowhere/key.pem}}\n")
    try:
        until(lambda: "refused" in stack.serve.log.read_text()[told:], 60)
        assert stack.gateway("/mall/orders/1", ("user_session", state)).status == 200
        until(lambda: menshen(stack, "export").stdout == before)
    finally:
        stack.config.write_text(original)


def test_the_document_applied_a_hundred_times_under_load_fails_no_request(stack: Stack) -> None:
    original = stack.config.read_text()
    state = stack.log_in("zhangsan")
    url, headers = f"{stack.gateway.origin}/mall/orders/1", {"user_session": state}
    documents = [with_api(stack, f"api{number}") for number in range(APPLIES)]
    with under_load(url, headers, connections=6) as load:
        load.wait_for(50)
        for number in range(APPLIES):
            stack.config.write_text(documents[number])
            until(lambda n=number: stack.gateway(f"/mall/api{n}", ("user_session", state)).status == 200, 60)
        stack.config.write_text(original)
        until(lambda: stack.gateway(f"/mall/api{APPLIES - 1}", ("user_session", state)).status == 404, 60)
        load.wait_for(50)
    assert set(load.counted()) == {200}, load.counted()


def test_apply_revisions_rollback_and_export_reach_the_running_node(stack: Stack, tmp_path: Path) -> None:
    state = stack.log_in("zhangsan")
    start = menshen(stack, "revisions").stdout.splitlines()
    assert start[0].startswith("*")
    first = start[0].split()[1]
    changed = tmp_path / "changed.yaml"
    changed.write_text(with_api(stack, "rolled"))
    applied = menshen(stack, "apply", str(changed), "--comment", "one more API")
    assert applied.returncode == 0, applied.stderr
    until(lambda: stack.gateway("/mall/rolled", ("user_session", state)).status == 200)

    listed = menshen(stack, "revisions").stdout.splitlines()
    assert "one more API" in listed[0]
    newest = listed[0].split()[1]
    diff = menshen(stack, "revisions", newest).stdout
    assert [line for line in diff.splitlines() if line.startswith("+") and "rolled" in line]

    assert menshen(stack, "rollback", first).returncode == 0
    until(lambda: stack.gateway("/mall/rolled", ("user_session", state)).status == 404)
    assert stack.gateway("/mall/orders/1", ("user_session", state)).status == 200
    assert menshen(stack, "rollback", "999999").returncode == 1

    exported = menshen(stack, "export").stdout
    assert "planted-appsecret-of-shop" not in exported
    assert "${OTHER_SECRET}" in exported
    again = tmp_path / "again.yaml"
    again.write_text(exported)
    same = menshen(stack, "apply", str(again))
    assert same.stdout.split()[1] == first, "an unchanged document makes no revision"


def test_apply_refuses_a_bad_document_whole(stack: Stack, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(stack.config.read_text().replace("upstream: orders, apis", "upstream: nowhere, apis", 2))
    before = menshen(stack, "revisions").stdout
    refused = menshen(stack, "apply", str(bad))
    assert refused.returncode == 1
    assert len([line for line in refused.stdout.splitlines() if "nowhere" in line]) == 2
    assert menshen(stack, "revisions").stdout == before
