"""Keys come and go while requests run: nobody is logged out but by the retirement of the key that let him in."""

from __future__ import annotations

import base64
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.edge.conftest import Stack
from tests.edge.load import under_load
from tests.edge.sessions import INVALID, KINDS, Login, check, log_in, refresh, session_stack, started_again, watching
from tests.edge.test_faults import envoy
from tests.edge.test_reload import menshen, until

PURPOSES = ("sealed", "signed", "refresh", "assertion")
USERS = (f"passer-by-{number}" for number in itertools.count())
JWKS = {"assertion": "/.well-known/jwks.json", "signed": "/.well-known/session-jwks.json"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with session_stack(tmp_path_factory.mktemp("keys")) as running:
        yield running


def keys(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return menshen(stack, "keys", *arguments)


def listed(stack: Stack) -> dict[str, list[str]]:
    """Purpose -> key ids as the command lists them."""
    found: dict[str, list[str]] = {}
    for line in keys(stack, "list").stdout.splitlines()[1:]:
        purpose, kid = line.split()[:2]
        found.setdefault(purpose, []).append(kid)
    return found


def rotated(stack: Stack, purpose: str, *options: str) -> str:
    """The id of a new key, which is in use when this returns."""
    done = keys(stack, "rotate", purpose, *options)
    assert done.returncode == 0, done.stderr
    kid = done.stdout.split()[1]
    probe = {"sealed": "sealed", "signed": "signed", "refresh": "sealed", "assertion": "sealed"}[purpose]

    def used() -> bool:
        """By both workers: eight in a row. The platform counts logins of a user, so each is another's."""
        return all(made_by(stack, log_in(stack, probe, next(USERS)), purpose) == kid for _ in range(8))

    until(used, 60)
    return kid


def made_by(stack: Stack, login: Login, purpose: str) -> str:
    """The key of this purpose that a login shows."""
    if purpose == "assertion":
        text = check(stack, login).identity["x-menshen-assertion"]
    else:
        text = login.refresh if purpose == "refresh" else login.state
    return str(header_of(text)["kid"])


def header_of(text: str) -> dict[str, Any]:
    part = text.split(".")[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return header


def published(stack: Stack, purpose: str) -> dict[str, Any]:
    reply = stack.admin(JWKS[purpose])
    assert reply.status == 200
    document: dict[str, Any] = reply.json
    return document


def kids(document: dict[str, Any]) -> list[str]:
    return [key["kid"] for key in document["keys"]]


# Rotation


@pytest.mark.parametrize("purpose", PURPOSES)
def test_rotation_under_load_fails_no_request(purpose: str, stack: Stack) -> None:
    before = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    targets = {kind: (f"/{kind}/orders/1", {"user_session": login.state}) for kind, login in before.items()}
    fast = under_load(f"{stack.gateway.origin}/signed/orders/1", {"user_session": before["signed"].state}, 2)
    with watching(stack, targets) as answers, fast as load:
        for _ in range(2):
            done = keys(stack, "rotate", purpose)
            assert done.returncode == 0, done.stderr
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                # A state is good everywhere the moment it is out, and so is a refresh token.
                for kind in KINDS:
                    login = log_in(stack, kind, next(USERS))
                    assert check(stack, login).status == 200, kind
                    fresh = refresh(stack, login.refresh)
                    assert fresh.status == 200, (kind, fresh.raw)
                    assert check(stack, login, fresh.json["user_session"]).status == 200, kind
    for kind in KINDS:
        assert {seen.status for seen in answers[kind]} == {200}, kind
    assert set(load.counted()) == {200}, load.counted()
    for login in before.values():
        assert refresh(stack, login.refresh).status == 200


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_new_key_makes_and_the_older_ones_still_count(purpose: str, stack: Stack) -> None:
    before = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    first = listed(stack)[purpose]
    kid = rotated(stack, purpose)
    assert listed(stack)[purpose] == [kid, *first]
    for login in before.values():
        assert check(stack, login).status == 200
        assert refresh(stack, login.refresh).status == 200


def test_a_key_that_comes_while_envoy_restarts(stack: Stack) -> None:
    """Nobody signs with a key that Envoy does not know, however late it is."""
    old = log_in(stack, "signed", "zhangsan")
    [victim] = envoy(stack)
    os.kill(victim, signal.SIGKILL)
    assert keys(stack, "rotate", "signed").returncode == 0
    kid = listed(stack)["signed"][0]
    deadline, first = time.monotonic() + 90, ""
    while first != kid:
        assert time.monotonic() < deadline
        try:
            login = log_in(stack, "signed", next(USERS))
            assert check(stack, login).status == 200
            assert check(stack, old).status == 200
        except OSError:
            continue  # Envoy is not there yet
        first = made_by(stack, login, "signed")


def test_an_eddsa_key_signs_states_that_envoy_takes(stack: Stack) -> None:
    old = log_in(stack, "signed", "zhangsan")
    kid = rotated(stack, "signed", "--algorithm", "EdDSA")
    new = log_in(stack, "signed", "zhangsan")
    assert header_of(new.state) == {"alg": "EdDSA", "kid": kid, "typ": "JWT"}
    for login in (old, new):
        assert check(stack, login).identity["x-menshen-user"] == login.uid
    kept = rotated(stack, "signed")
    assert header_of(log_in(stack, "signed", "zhangsan").state)["alg"] == "EdDSA", "as the one before"
    assert kept != kid
    rotated(stack, "signed", "--algorithm", "ES256")
    assert header_of(log_in(stack, "signed", "zhangsan").state)["alg"] == "ES256"
    for login in (old, new):
        assert check(stack, login).status == 200


def test_the_published_keys_are_all_that_live_and_public(stack: Stack) -> None:
    for purpose in JWKS:
        kid = rotated(stack, purpose)
        until(lambda wanted=kid, of=purpose: wanted in kids(published(stack, of)), 60)  # type: ignore[misc]
        document = published(stack, purpose)
        assert kids(document) == listed(stack)[purpose]
        for key in document["keys"]:
            assert not {"d", "k", "p", "q"} & set(key), "private"
            assert key["use"] == "sig"
            assert (key["kty"], key["alg"]) in (("EC", "ES256"), ("OKP", "EdDSA"))
    assert not set(kids(published(stack, "signed"))) & set(kids(published(stack, "assertion")))


def test_a_signed_state_verifies_with_the_published_session_keys(stack: Stack) -> None:
    login = log_in(stack, "signed", "zhangsan")
    key_set = KeySet.import_key_set(published(stack, "signed"))
    token = jwt.decode(login.state, key_set, ["ES256", "EdDSA"])
    assert (token.claims["iss"], token.claims["sid"]) == ("menshen/session", login.sid)


def test_assertions_verify_before_and_after_a_rotation(stack: Stack) -> None:
    login = log_in(stack, "sealed", "zhangsan")
    before = check(stack, login).identity["x-menshen-assertion"]
    kid = rotated(stack, "assertion")
    until(lambda: kids(published(stack, "assertion"))[0] == kid, 60)
    key_set = KeySet.import_key_set(published(stack, "assertion"))
    after = check(stack, login).identity["x-menshen-assertion"]
    assert header_of(after)["kid"] == kid != header_of(before)["kid"]
    for assertion in (before, after):
        assert jwt.decode(assertion, key_set, ["ES256"]).claims["sub"] == login.uid


# Retirement


@pytest.mark.parametrize("kind", ["sealed", "signed"])
def test_retirement_logs_out_whoever_that_key_let_in_and_nobody_else(kind: str, stack: Stack) -> None:
    rotated(stack, kind)
    old = {each: log_in(stack, each, "zhangsan") for each in KINDS}
    kid = made_by(stack, old[kind], kind)
    rotated(stack, kind)
    new = log_in(stack, kind, "zhangsan")
    done = keys(stack, "retire", kid)
    assert (done.returncode, done.stdout) == (0, f"{kind}: {kid} is retired\n")
    until(lambda: all(check(stack, old[kind]).status == 401 for _ in range(8)), 60)
    for _ in range(8):
        assert check(stack, old[kind]).refusal == INVALID
    for login in (new, *(login for each, login in old.items() if each != kind)):
        assert check(stack, login).status == 200
    fresh = refresh(stack, old[kind].refresh)
    assert fresh.status == 200, "the session itself goes on, with a state of a key that counts"
    assert check(stack, old[kind], fresh.json["user_session"]).identity["x-menshen-session"] == old[kind].sid


def test_retirement_of_a_refresh_key(stack: Stack) -> None:
    old = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    kid = made_by(stack, old["sealed"], "refresh")
    spare = [log_in(stack, "sealed", next(USERS)) for _ in range(60)]
    rotated(stack, "refresh")
    new = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    assert keys(stack, "retire", kid).returncode == 0
    # A token counts once, so each look takes another one; refused at both workers when six in a row are.
    until(lambda: all(refresh(stack, spare.pop().refresh).status == 401 for _ in range(6)), 60)
    for kind in KINDS:
        assert refresh(stack, old[kind].refresh).refusal == (401, 4001, "refresh_invalid")
        assert check(stack, old[kind]).status == 200, "the state is of another key"
        assert refresh(stack, new[kind].refresh).status == 200


def test_retirement_of_an_assertion_key(stack: Stack) -> None:
    kid = made_by(stack, log_in(stack, "sealed", "zhangsan"), "assertion")
    rotated(stack, "assertion")
    assert keys(stack, "retire", kid).returncode == 0
    until(lambda: kid not in kids(published(stack, "assertion")), 60)


# The command, and files that are wrong


def test_the_list_of_keys(stack: Stack) -> None:
    rotated(stack, "sealed")
    done = keys(stack, "list")
    assert done.returncode == 0
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["purpose", "kid", "algorithm", "use", "made", "at"]
    uses: dict[str, list[str]] = {}
    for line in lines:
        purpose, kid, algorithm, use, day, clock = line.split()
        assert len(kid) == 12
        assert algorithm in {"sealed": ["A256GCM"], "refresh": ["A256GCM"], "assertion": ["ES256"]}.get(
            purpose, ["ES256", "EdDSA"]
        )
        assert time.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S")
        uses.setdefault(purpose, []).append(use)
    assert list(uses) == list(PURPOSES)
    for purpose, found in uses.items():
        assert found == ["signs"] + ["verifies"] * (len(found) - 1), purpose
    secrets = [
        key[member]
        for path in (stack.data_dir / "keys").glob("*.json")
        for key in json.loads(path.read_text())["keys"]
        for member in ("k", "d")
        if member in key
    ]
    assert len(secrets) == len(lines)
    assert not any(secret in done.stdout for secret in secrets)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["rotate", "nothing"], 2),
        (["rotate", "sealed", "--algorithm", "EdDSA"], 2),
        (["rotate", "signed", "--algorithm", "HS256"], 2),
        (["retire", "000000000000"], 1),
        (["retire"], 2),
    ],
    ids=str,
)
def test_what_the_command_refuses(arguments: list[str], status: int, stack: Stack) -> None:
    before = listed(stack)
    told = keys(stack, *arguments)
    assert told.returncode == status
    assert told.stderr.strip()
    assert "Traceback" not in told.stderr
    assert listed(stack) == before


def test_the_key_that_signs_is_not_retired(stack: Stack) -> None:
    before = listed(stack)
    for purpose, found in before.items():
        told = keys(stack, "retire", found[0])
        assert told.returncode == 1
        assert f"menshen keys rotate {purpose}" in told.stderr
    assert listed(stack) == before


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("text", ['{"keys": []}', "{", "", '{"keys": [{"kty": "oct", "k": "AAAA", "kid": "x"}]}'])
def test_a_broken_ring_changes_nothing_and_is_told(purpose: str, text: str, stack: Stack) -> None:
    name = {"sealed": "session-sealed", "signed": "session-signed"}.get(purpose, purpose)
    path = stack.data_dir / "keys" / f"{name}.json"
    logins = {kind: log_in(stack, kind, "zhangsan") for kind in KINDS}
    good, told = path.read_text(), len(stack.serve.log.read_text())
    path.write_text(text)
    try:
        until(lambda: "keys_refused" in stack.serve.log.read_text()[told:], 60)
        for login in logins.values():
            assert check(stack, login).status == 200
        assert check(stack, log_in(stack, "signed", "lisi")).status == 200
    finally:
        path.write_text(good)
    for secret in [key.get("k") or key["d"] for key in json.loads(good)["keys"]]:
        assert secret not in stack.serve.log.read_text()


def test_a_kill_in_the_middle_of_rotations_logs_nobody_out(tmp_path: Path) -> None:
    """The files are rotated; the node dies before, while or after it reads them."""
    with session_stack(tmp_path) as stack:
        logins = [log_in(stack, kind, "zhangsan") for kind in KINDS]
        for _ in range(2):
            assert keys(stack, "rotate").returncode == 0
        with started_again(stack) as second:
            logins += [log_in(second, kind, "zhangsan") for kind in KINDS]
            for login in logins:
                assert check(second, login).status == 200
            assert keys(second, "rotate").returncode == 0
            # Whatever makes a state at this moment, with the old ring or the new one.
            logins += [log_in(second, kind, "zhangsan") for kind in KINDS]
            with started_again(second) as third:
                for login in logins:
                    assert check(third, login).status == 200
                    assert refresh(third, login.refresh).status == 200
                assert kids(published(third, "signed")) == listed(stack)["signed"]
                assert len(listed(stack)["signed"]) == 4
