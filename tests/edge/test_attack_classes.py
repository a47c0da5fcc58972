"""Attack classes 20 to 33, those of tokens and sessions, one by one: for every kind, through the real Envoy."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import inspect
import json
import re
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey

import menshen
from menshen.node import assembly, worker
from menshen.operators import token_file
from menshen.secret import Secret
from menshen.sessions.keys import SigningKey, SymmetricKey, load_key_rings, sealed_keys, signed_keys
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.signed import SignedSessions
from tests.edge.conftest import APPID, OTHER_APPID, Stack
from tests.edge.processes import REPOSITORY, command
from tests.edge.sessions import (
    EXPIRED,
    INVALID,
    KINDS,
    MISSING,
    REVOKED,
    Login,
    Mint,
    admin,
    aged,
    check,
    log_in,
    logout,
    over_within,
    payload_of,
    record,
    refresh,
    refused_within,
    session_stack,
    sessions_of,
)
from tests.edge.test_reload import menshen as run_menshen
from tests.edge.test_reload import until

NO_TOKEN = (401, 4001, "refresh_invalid")
TWO = (400, 4000, "ambiguous_credential")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with session_stack(tmp_path_factory.mktemp("classes")) as running:
        yield running


def encoded(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def changed(text: str) -> list[str]:
    """One letter changed, at forty places from the first to the one before the last."""
    places = range(0, len(text) - 1, max(1, len(text) // 40))
    return [text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :] for at in places]


# 20


@pytest.mark.parametrize("kind", KINDS)
def test_class_20_a_changed_state_is_none(kind: str, stack: Stack) -> None:
    one, other = log_in(stack, kind, "zhangsan"), log_in(stack, kind, "lisi")
    state = one.state
    forged = changed(state)
    forged += [state[:length] for length in (1, len(state) // 2, len(state) - 8, len(state) - 1)]
    forged += [state + "A", state + ".", "A" + state, "." + state, state + state, "Bearer " + state, "v1." + state]
    forged += [state + "=", state + "==", state.upper(), state.lower(), state[::-1], state.replace("-", "+") + "+"]
    forged += [f"{state}.{state.rpartition('.')[2]}", state.replace(".", "..", 1) + "..", state.strip("e")]
    mine, theirs = state.split("."), other.state.split(".")
    if len(mine) > 1:
        forged += [".".join([*mine[:at], theirs[at], *mine[at + 1 :]]) for at in range(1, len(mine)) if mine[at]]
        forged += [".".join(reversed(mine)), ".".join([*mine[:-2], mine[-1], mine[-2]])]
    for text in dict.fromkeys(forged):
        if text != state:
            assert check(stack, one, text).refusal == INVALID, text
    assert check(stack, one).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_class_20_the_last_letter_has_no_second_meaning(kind: str, stack: Stack) -> None:
    """A base64 decoder may drop the last bits; one letter alone is the right one."""
    login = log_in(stack, kind, "zhangsan")
    passed = 0
    for letter in LETTERS:
        reply = check(stack, login, login.state[:-1] + letter)
        if reply.status == 200:
            passed += 1
            assert reply.identity["x-menshen-session"] == login.sid
        else:
            assert reply.refusal == INVALID
    assert passed == 1
    # And is ended with it, whatever its spelling.
    assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).json == {"ended": 1}
    over_within(stack, login)
    for letter in LETTERS:
        assert check(stack, login, login.state[:-1] + letter).refusal in (INVALID, REVOKED)


@pytest.mark.parametrize("kind", ["sealed", "signed"])
def test_class_20_another_key_under_our_id_makes_nothing(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhangsan")
    mint = Mint(stack)
    claims = mint.claims(login.state)
    rings = load_key_rings(stack.data_dir / "keys")
    if kind == "sealed":
        kid = sealed_keys(rings)[0].kid
        forged = SealedSessions([SymmetricKey(kid, secrets.token_bytes(32))], secrets.token_bytes).mint(claims)
    else:
        key = SigningKey(signed_keys(rings)[0].kid, "ES256", ECKey.generate_key("P-256"))
        forged = SignedSessions([key]).mint(claims, disclose=(), renew_at=0, app="shop")
    assert check(stack, login, forged).refusal == INVALID
    assert check(stack, login, mint.state(kind, claims)).status == 200


@pytest.mark.parametrize("kind", ["sealed", "signed"])
def test_class_20_time(kind: str, stack: Stack) -> None:
    """Made in the future: a clock was set back, and only we can have made it. Ended in the past: over."""
    login = log_in(stack, kind, "zhangsan")
    mint = Mint(stack)
    claims = mint.claims(login.state)
    ahead = replace(claims, iat=claims.iat + 3600, exp=claims.exp + 3600, auth=claims.auth + 3600)
    assert check(stack, login, mint.state(kind, ahead)).status == 200
    now = int(time.time())
    for exp in (now - 3, now - 86_400, 1):
        assert check(stack, login, mint.state(kind, replace(claims, exp=exp))).refusal == EXPIRED, exp
    for exp in (0, -1):  # no time at all, to Envoy
        assert check(stack, login, mint.state(kind, replace(claims, exp=exp))).refusal in (EXPIRED, INVALID), exp


@pytest.mark.parametrize("kind", KINDS)
def test_class_20_size(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhangsan")
    for length in (2048, 2049, 8_000, 30_000):
        assert check(stack, login, "a" * length).refusal == INVALID
        assert check(stack, login, f"{login.state}.{'a' * length}").refusal == INVALID
    assert check(stack, login, "a" * 1_000_000).refusal[:2] == (431, 4000)


# 21

MALFORMED = [
    *("garbage", "a.b.c", ".", "..", "....", "." * 100, "null", "undefined", "{}", "[]", "true", "0", "-1", "%00"),
    *("\xe9\xff", "\t", "a b", "'; DROP TABLE sessions; --", "../../etc/passwd", "${jndi:ldap://x}"),
    *("A" * 43, "=" * 43, "A" * 42, "A" * 44),
    *("eyJhbGciOiJub25lIn0..", "eyJhbGciOiJub25lIn0.e30.", "e30.e30.e30", "e30..e30.e30.e30", "A.A.A", "A..A.A.A"),
    *("eyJhbGciOiJFUzI1NiJ9." + "A" * 1900 + ".AA", "[" * 2000, "{" * 500 + ".." + "}" * 500, "\u00e9" * 20),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_class_21_a_malformed_state_is_a_401_and_nothing_else(kind: str, stack: Stack) -> None:
    for text in MALFORMED:
        if not text.strip():
            continue
        for path in (f"/{kind}/orders/1", f"/{kind}/news", "/v1/sessions"):
            assert stack.gateway(path, ("user_session", text)).refusal == INVALID, (path, text)
        assert stack.gateway("/v1/logout", ("user_session", text), method="POST").refusal == INVALID, text
        assert refresh(stack, text).refusal == NO_TOKEN, text
    for empty in ("", " ", "\t"):
        assert stack.gateway(f"/{kind}/orders/1", ("user_session", empty)).refusal in (MISSING, INVALID)


# 22


def forged_jws(stack: Stack, payload: str) -> dict[str, str]:
    """What an attacker makes of a state's payload, with a key of his own and the public ones of ours."""
    published = stack.admin("/.well-known/session-jwks.json")
    ours = published.json["keys"][0]
    mine = ECKey.generate_key("P-256")
    public = mine.as_dict(private=False)
    pem = ECKey.import_key(ours).as_pem(private=False)

    def hs256(head: dict[str, Any], key: bytes) -> str:
        text = f"{encoded(head)}.{payload}"
        return f"{text}.{encoded(hmac.new(key, text.encode(), hashlib.sha256).digest())}"

    def es256(**head: Any) -> str:
        header = {"alg": "ES256", "kid": ours["kid"], "typ": "JWT", **head}
        key = SigningKey("x", "ES256", mine)
        signer = SignedSessions([key])
        text = f"{encoded(header)}.{payload}"
        return f"{text}.{encoded(signer._sign(text.encode()))}"

    plain = {"typ": "JWT", "kid": ours["kid"]}
    kid_twice = f'{{"alg":"ES256","kid":"x","kid":"{ours["kid"]}","typ":"JWT"}}'
    alg_twice = f'{{"alg":"none","alg":"ES256","kid":"{ours["kid"]}","typ":"JWT"}}'
    return {
        **{
            f"alg {alg}": f"{encoded({**plain, 'alg': alg})}.{payload}.{signature}"
            for alg in (
                "none",
                "None",
                "NONE",
                "nOnE",
                "",
                "RS256",
                "PS256",
                "ES384",
                "ES512",
                "EdDSA",
                "ES256K",
                "dir",
            )
            for signature in ("", "AAAA")
        },
        "HS256 with the document": hs256({**plain, "alg": "HS256"}, published.raw),
        "HS256 with the key's JSON": hs256({**plain, "alg": "HS256"}, json.dumps(ours).encode()),
        "HS256 with the PEM": hs256({**plain, "alg": "HS256"}, pem),
        "HS256 with x": hs256({**plain, "alg": "HS256"}, base64.urlsafe_b64decode(ours["x"] + "==")),
        "HS256 with nothing": hs256({**plain, "alg": "HS256"}, b""),
        "jwk": es256(jwk=public),
        "jku": es256(jku=f"{stack.backend.origin}/jwks.json"),
        "x5u": es256(x5u=f"{stack.backend.origin}/cert.pem"),
        "x5c": es256(x5c=["MIIB"]),
        "crit": es256(crit=["exp"]),
        "crit b64": es256(crit=["b64"], b64=False),
        "kid of a path": es256(kid="../../../../dev/null"),
        "kid of SQL": es256(kid="' UNION SELECT 'x' --"),
        "kid of nobody": es256(kid="000000000000"),
        "no kid": es256(kid=None),
        "kid twice": f"{encoded(kid_twice.encode())}.{payload}.AAAA",
        "alg twice": f"{encoded(alg_twice.encode())}.{payload}.",
        "r and s are zero": f"{encoded({**plain, 'alg': 'ES256'})}.{payload}.{encoded(bytes(64))}",
    }


def forged_jwe(state: str) -> dict[str, str]:
    key = OctKey.generate_key(256)
    head = json.loads(base64.urlsafe_b64decode(state.split(".")[0] + "=="))
    _, _, nonce, text, tag = state.split(".")
    return {
        name: f"{encoded({**head, **change})}..{nonce}.{text}.{tag}"
        for name, change in {
            "zip": {"zip": "DEF"},
            "alg none": {"alg": "none"},
            "enc none": {"enc": "none"},
            "RSA-OAEP": {"alg": "RSA-OAEP"},
            "PBES2": {"alg": "PBES2-HS256+A128KW", "p2c": 2_000_000_000, "p2s": "AAAA"},
            "ECDH-ES": {"alg": "ECDH-ES", "epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
            "jwk": {"jwk": key.as_dict(private=True)},
            "crit": {"crit": ["zip"]},
            "another kid": {"kid": "0" * 12},
        }.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_class_22_no_header_of_a_client_chooses_an_algorithm_or_a_key(kind: str, stack: Stack) -> None:
    signed, sealed = log_in(stack, "signed", "zhangsan"), log_in(stack, "sealed", "zhangsan")
    forged = forged_jws(stack, signed.state.split(".")[1]) | forged_jwe(sealed.state)
    for name, text in forged.items():
        started = time.monotonic()
        for path in (f"/{kind}/orders/1", f"/{kind}/news", "/v1/sessions"):
            assert stack.gateway(path, ("user_session", text)).refusal == INVALID, (name, path)
        assert refresh(stack, text).refusal == NO_TOKEN, name
        assert time.monotonic() - started < 15, name


# 23


@pytest.mark.parametrize("kind", KINDS)
def test_class_23_what_is_for_one_thing_is_for_nothing_else(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhangsan")
    assertion = check(stack, log_in(stack, "sealed", "zhangsan")).identity["x-menshen-assertion"]
    token = (stack.data_dir / "admin.token").read_text().strip()
    master = (stack.data_dir / "master.key").read_text().strip()
    others = {
        "a refresh token": login.refresh,
        "an assertion": assertion,
        "the admin token": token,
        "the master key": master,
        "a code": stack.code("zhangsan"),
        "the user's id": login.uid,
        "the session's id": login.sid,
        "the hash of a reference": hashlib.sha256(login.state.encode()).hexdigest(),
    }
    for name, text in others.items():
        assert check(stack, login, text).refusal == INVALID, name
        assert stack.gateway("/v1/sessions", ("user_session", text)).refusal == INVALID, name
        if name != "a refresh token":
            assert refresh(stack, text).refusal == NO_TOKEN, name
        if name != "the admin token":
            assert stack.admin("/v1/sessions", ("Authorization", f"Bearer {text}")).status == 401, name
    assert refresh(stack, login.state).refusal == NO_TOKEN
    assert stack.admin("/v1/sessions", ("Authorization", f"Bearer {login.state}")).status == 401
    assert stack.gateway(f"/{kind}/orders/1", ("refresh_token", login.refresh)).refusal == MISSING
    assert stack.gateway(f"/{kind}/orders/1", ("Authorization", f"Bearer {login.state}")).refusal == MISSING
    assert stack.gateway(f"/{kind}/login", ("js_code", login.state)).status in (400, 401)
    if kind == "signed":
        keys = KeySet.import_key_set(stack.admin("/.well-known/jwks.json").json)
        with pytest.raises((JoseError, ValueError)):
            jwt.decode(login.state, keys, ["ES256"])
        assert payload_of(login.state)["iss"] != payload_of(assertion)["iss"]
    assert check(stack, login).status == 200, "the refresh token that was tried as a state is not used up"
    assert refresh(stack, login.refresh).status == 200


# 24


@pytest.mark.parametrize("kind", KINDS)
def test_class_24_what_was_found_out_for_one_app_or_route_is_not_used_for_another(kind: str, stack: Stack) -> None:
    ours, theirs = log_in(stack, kind, "zhangsan"), log_in(stack, f"other-{kind}", "zhangsan")
    for _ in range(12):
        assert check(stack, ours).identity["x-menshen-appid"] == APPID
        assert check(stack, theirs).identity["x-menshen-appid"] == OTHER_APPID
        assert check(stack, ours, theirs.state).refusal == INVALID
        assert check(stack, theirs, ours.state).refusal == INVALID
        assert stack.gateway(f"/other-{kind}/news", ("user_session", ours.state)).refusal == INVALID


@pytest.mark.parametrize("kind", ["sealed", "reference"])
def test_class_24_an_assertion_is_for_the_upstream_that_gets_it(kind: str, stack: Stack) -> None:
    login = log_in(stack, kind, "zhangsan")
    for _ in range(6):
        for path, upstream in ((f"/{kind}", "orders"), (f"/shared-{kind}", "second")):
            reply = stack.gateway(f"{path}/orders/1", ("user_session", login.state))
            assert payload_of(reply.identity["x-menshen-assertion"])["aud"] == upstream


@pytest.mark.parametrize("kind", KINDS)
def test_class_24_claims_are_those_of_the_state(kind: str, stack: Stack) -> None:
    """Of two users in turn, and of one user before and after a refresh within the same second."""
    where = f"told-{kind}"
    logins = []
    for level in ("gold", "iron"):
        uid = log_in(stack, where, f"{level}-user").uid
        assert run_menshen(stack, "users", "claims", uid, f"level={level}").returncode == 0
        logins.append((log_in(stack, where, f"{level}-user"), level))
    for _ in range(8):
        for login, level in logins:
            seen = check(stack, login).seen
            assert seen["x-user-level"] == level
            if kind != "signed":
                assert payload_of(seen["x-menshen-assertion"])["claims"] == {"level": level}
        assert "x-user-level" not in stack.gateway(f"/{kind}/orders/1", ("user_session", logins[0][0].state)).seen


@pytest.mark.parametrize("kind", ["sealed", "reference"])
def test_class_24_an_assertion_says_what_the_newest_state_says(kind: str, stack: Stack) -> None:
    """The claims change and the state is refreshed within the second of the login: the assertion is another."""
    for _ in range(20):
        time.sleep(1.02 - time.time() % 1)
        login = log_in(stack, f"told-{kind}", f"quick-{kind}")
        for _ in range(6):
            assert "claims" not in payload_of(check(stack, login).seen["x-menshen-assertion"])
        rows = sqlite3.connect(stack.data_dir / "menshen.db", timeout=20)
        with rows:
            rows.execute("UPDATE users SET claims = ? WHERE uid = ?", ['{"level":"gold"}', login.uid])
        fresh = refresh(stack, login.refresh).json["user_session"]
        replies = [check(stack, login, fresh).seen for _ in range(6)]
        with rows:
            rows.execute("UPDATE users SET claims = '{}' WHERE uid = ?", [login.uid])
        rows.close()
        row = record(stack, login.sid)
        if row["auth"] == row["state_issued_at"]:
            break
    for seen in replies:
        assert seen["x-user-level"] == "gold"
        assert payload_of(seen["x-menshen-assertion"]).get("claims") == {"level": "gold"}


# 25


@pytest.mark.parametrize("kind", KINDS)
def test_class_25_what_was_ended_is_good_nowhere(kind: str, stack: Stack) -> None:
    login, other = log_in(stack, kind, f"ended-{kind}"), log_in(stack, kind, f"ended-{kind}")
    assert admin(stack, "/v1/sessions/revoke", {"session": login.sid}).json == {"ended": 1}
    over_within(stack, login)
    sent = ("user_session", login.state)
    for path in (f"/{kind}/news", f"/{kind}/login", f"/shared-{kind}/orders/1", "/v1/sessions"):
        assert stack.gateway(path, sent).refusal == REVOKED, path
    for document in ({"all": True}, {"session": other.sid}):
        assert logout(stack, login.state, document).refusal == REVOKED
    assert logout(stack, login.state).json == {"ended": 0}
    assert refresh(stack, login.refresh).refusal == REVOKED
    assert check(stack, other).status == 200
    again = log_in(stack, kind, f"ended-{kind}", sent)
    assert check(stack, again).status == 200, "logging in anew is what is left"


@pytest.mark.parametrize("kind", KINDS)
def test_class_25_an_open_websocket_stays_open_and_no_other_is_opened(kind: str, stack: Stack) -> None:
    """What holds: a session is looked at when a connection is opened. Whoever must cut it knows the session id."""
    login = log_in(stack, kind, "talker")
    url, headers = f"{stack.gateway.origin}/{kind}/chat", {"user_session": login.state}

    async def talk() -> int:
        async with aiohttp.ClientSession() as client:
            async with client.ws_connect(url, headers=headers) as socket:
                seen = json.loads(await socket.receive_str())
                assert dict(seen)["x-menshen-session"] == login.sid
                reply = await asyncio.to_thread(admin, stack, "/v1/sessions/revoke", {"session": login.sid})
                assert reply.json == {"ended": 1}
                await asyncio.to_thread(over_within, stack, login)
                await socket.send_str("still here")
                assert await socket.receive_str() == "still here"
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(url, headers=headers)
            return refused.value.status

    assert asyncio.run(talk()) == 401


# 26


@pytest.mark.parametrize("kind", KINDS)
def test_class_26_a_refresh_token_gives_a_state_of_its_own_app(kind: str, stack: Stack) -> None:
    ours, theirs = log_in(stack, kind, "zhangsan"), log_in(stack, f"other-{kind}", "zhangsan")
    assert ours.uid != theirs.uid
    fresh = refresh(stack, ours.refresh, ("user_session", theirs.state))
    assert fresh.json["uid"] == ours.uid
    state = fresh.json["user_session"]
    assert check(stack, ours, state).identity["x-menshen-appid"] == APPID
    assert check(stack, theirs, state).refusal == INVALID
    # Even who has the key cannot carry a session over to another app.
    mint = Mint(stack)
    claims = replace(mint.token(theirs.refresh), appid=APPID, plugin=kind)
    moved = refresh(stack, mint.refresh.mint(claims))
    assert moved.status == 401, moved.raw
    assert {each["id"] for each in sessions_of(stack, state)} >= {ours.sid}
    assert theirs.sid not in {each["id"] for each in sessions_of(stack, state)}
    assert logout(stack, state, {"session": theirs.sid}).json == {"ended": 0}


# 27


@pytest.mark.parametrize("kind", KINDS)
def test_class_27_a_login_is_a_new_session_and_the_end_of_the_one_before(kind: str, stack: Stack) -> None:
    planted = log_in(stack, kind, f"mallory-{kind}")
    victim = log_in(stack, kind, f"victim-{kind}", ("user_session", planted.state))
    assert (victim.sid, victim.uid, victim.state) != (planted.sid, planted.uid, planted.state)
    assert victim.sid != planted.sid
    over_within(stack, planted)
    assert record(stack, planted.sid)["ended_why"] == "replaced"
    assert refresh(stack, planted.refresh).refusal == REVOKED
    assert check(stack, victim).identity["x-menshen-user"] == victim.uid


@pytest.mark.parametrize("kind", KINDS)
def test_class_27_an_old_state_that_could_be_refreshed_goes_too(kind: str, stack: Stack) -> None:
    before = log_in(stack, kind, "zhangsan")
    old = aged(stack, before, 7300)
    log_in(stack, kind, "zhangsan", ("user_session", old))
    assert refresh(stack, before.refresh).refusal == REVOKED


@pytest.mark.parametrize("kind", KINDS)
def test_class_27_no_id_of_a_client_is_taken_over(kind: str, stack: Stack) -> None:
    bystander = log_in(stack, f"other-{kind}", "bystander")
    for chosen in ("A" * 43, secrets.token_urlsafe(32), "garbage", "a.b.c", bystander.state):
        login = log_in(stack, kind, "zhangsan", ("user_session", chosen))
        assert login.state != chosen
        assert check(stack, login).status == 200
        assert check(stack, login, chosen).refusal == INVALID
    assert check(stack, bystander).status == 200, "another app's session is not ours to end"


def test_class_27_with_cookies(stack: Stack) -> None:
    first = stack.gateway("/jar-sealed/login", ("js_code", stack.code("mallory")))
    planted = first.headers["set-cookie"].partition(";")[0]
    second = stack.gateway("/jar-sealed/login", ("js_code", stack.code("victim")), ("Cookie", planted))
    assert second.status == 200
    assert second.headers["set-cookie"].partition(";")[0] != planted
    refused_within([partial(stack.gateway, "/jar-sealed/orders/1", ("Cookie", planted))])


# 28


@pytest.mark.parametrize("kind", KINDS)
def test_class_28_two_credentials_in_one_request_are_refused(kind: str, stack: Stack) -> None:
    login, other = log_in(stack, kind, "zhangsan"), log_in(stack, kind, "lisi")
    path, one, two = f"/{kind}/orders/1", ("user_session", login.state), ("user_session", other.state)
    gateway = stack.gateway
    refused = {
        "two headers": gateway(path, one, two),
        "one header twice": gateway(path, one, one),
        "two headers in two cases": gateway(path, one, ("USER_SESSION", other.state)),
        "joined by a comma": gateway(path, ("user_session", f"{login.state},{other.state}")),
        "header and cookie": gateway(path, one, ("Cookie", f"user_session={other.state}")),
        "header and the second cookie": gateway(path, one, ("Cookie", f"a=b; user_session={other.state}")),
        "header and query": gateway(f"{path}?user_session={other.state}", one),
        "header and escaped query": gateway(f"{path}?user%5fsession={other.state}", one),
        "only a cookie": gateway(path, ("Cookie", f"user_session={login.state}")),
        "only a query": gateway(f"{path}?user_session={login.state}"),
        "two codes": gateway(path, ("js_code", "aaaaaa"), ("js_code", "bbbbbb")),
        "optional": gateway(f"/{kind}/news", one, two),
        "the list": gateway("/v1/sessions", one, two),
        "the list, header and cookie": gateway("/v1/sessions", one, ("Cookie", f"user_session={other.state}")),
        "logout": gateway("/v1/logout", one, ("Cookie", f"user_session={other.state}"), method="POST"),
    }
    for name, reply in refused.items():
        assert reply.refusal == TWO, name
    body = b'{"refresh_token": "%s", "refresh_token": "%s"}' % (login.refresh.encode(), other.refresh.encode())
    twice = gateway("/v1/token", ("Content-Type", "application/json"), method="POST", body=body)
    assert twice.refusal == TWO
    for each in (login, other):
        assert check(stack, each).status == 200
        assert refresh(stack, each.refresh).status == 200, "nothing was done with what was refused"


def test_class_28_two_refresh_tokens(stack: Stack) -> None:
    """Neither counts, and neither is spent."""
    login, other = log_in(stack, "sealed", "zhangsan"), log_in(stack, "sealed", "lisi")
    assert refresh(stack, login.refresh, ("Cookie", f"refresh_token={other.refresh}")).refusal == TWO
    assert refresh(stack, login.refresh).status == 200
    assert refresh(stack, other.refresh).status == 200


# 29


def test_class_29_an_old_key_verifies_until_it_is_retired_and_never_signs(stack: Stack) -> None:
    for kind in ("sealed", "signed"):
        old = log_in(stack, kind, "zhangsan")
        kid = json.loads(base64.urlsafe_b64decode(old.state.split(".")[0] + "=="))["kid"]
        assert run_menshen(stack, "keys", "rotate", kind).returncode == 0
        until(lambda of=kind, was=old: _signs_no_more(stack, of, was), 60)  # type: ignore[misc]
        assert check(stack, old).status == 200
        assert _signs_no_more(stack, kind, old)
        assert run_menshen(stack, "keys", "retire", kid).returncode == 0
        until(lambda was=old: all(check(stack, was).status == 401 for _ in range(6)), 60)  # type: ignore[misc]
        assert check(stack, old).refusal == INVALID


def _signs_no_more(stack: Stack, kind: str, old: Login) -> bool:
    """Whether either worker has another key than that of this state: eight logins in a row, each another user's."""
    return all(_head(log_in(stack, kind, f"u{time.monotonic_ns()}").state) != _head(old.state) for _ in range(8))


def _head(state: str) -> str:
    return state.split(".")[0]


# 30


def test_class_30_ids_come_from_the_systems_randomness_and_never_twice(stack: Stack) -> None:
    logins = {kind: [log_in(stack, kind, f"random-{number}") for number in range(30)] for kind in KINDS}
    everyone = [login for each in logins.values() for login in each]
    for texts in ([login.state for login in everyone], [login.refresh for login in everyone]):
        assert len(set(texts)) == len(everyone)
    sids = [login.sid for login in everyone]
    assert len(set(sids)) == len(sids)
    assert len({login.uid for login in everyone}) == 30
    assert all(re.fullmatch("[a-z2-7]{26}", sid) for sid in sids)
    assert all(re.fullmatch("u[a-z2-7]{26}", login.uid) for login in everyone)
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", login.state) for login in logins["reference"])
    boxes = [login.state for login in logins["sealed"]] + [login.refresh for login in everyone]
    nonces = [text.split(".")[2] for text in boxes]
    assert len(set(nonces)) == len(nonces)
    signatures = [login.state.split(".")[2][:40] for login in logins["signed"]]
    assert len(set(signatures)) == len(signatures), "one nonce for two signatures gives the key away"
    for place in range(25):  # the last letter has three bits
        assert len({sid[place] for sid in sids}) > 12, "an id that counts or holds the time"


def test_class_30_nothing_else_is_a_source_of_randomness() -> None:
    assert "time.time, secrets.token_bytes)" in inspect.getsource(worker)
    parts = inspect.getsource(assembly)
    assert "new_id(random)" in parts
    assert not re.search(r"\b(secrets|urandom)\b", parts), "what makes ids is passed in, and only by the worker"
    for path in Path(menshen.__file__).parent.rglob("*.py"):
        assert not re.search(
            r"^\s*(import random\b|from random\b|import uuid\b|from uuid\b)", path.read_text(), re.MULTILINE
        ), path


# 31


def test_class_31_secrets_are_compared_in_constant_time(stack: Stack) -> None:
    assert "hmac.compare_digest(bearer" in inspect.getsource(token_file)
    assert "hmac.compare_digest" in inspect.getsource(Secret.__eq__)
    for sent in ("Bearer \xe9", "Bearer " + "x" * 5000, "\xff", "Bearer a b"):
        assert stack.admin("/v1/sessions", ("Authorization", sent)).status == 401


# 32

NAMES = [
    "Shop",
    "SHOP",
    " shop",
    "shop ",
    "shop\u200b",
    "\uff53hop",
    "s%68op",
    "shop\n",
    "wechat",
    "*",
    "",
    "shop,other",
]
KEYS = [
    *(f"WeChat/{APPID}", f"wechat/{APPID.upper()}", f"wechat/{APPID} ", f" wechat/{APPID}", f"wechat//{APPID}"),
    *("wechat/", f"/{APPID}", "/"),
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_class_32_an_app_has_one_spelling(name: str, stack: Stack) -> None:
    login = log_in(stack, "sealed", "spelled")
    told = run_menshen(stack, "sessions", "revoke", "--app", name)
    assert told.returncode != 0, told.stdout
    assert told.stderr.strip()
    assert admin(stack, "/v1/sessions/revoke", {"app": name}).status == 400
    assert check(stack, login).status == 200


@pytest.mark.parametrize("key", KEYS, ids=ascii)
def test_class_32_platform_and_appid_have_one_spelling(key: str, stack: Stack) -> None:
    """Either it is refused, or it ends the sessions it seems to name; it never says "over" and does nothing."""
    login = log_in(stack, "sealed", "spelled")
    told = run_menshen(stack, "sessions", "revoke", "--app", key)
    called = admin(stack, "/v1/sessions/revoke", {"app": key})
    assert called.status in (200, 400)
    assert "Traceback" not in told.stderr
    if told.returncode == 0 or called.status == 200:
        over_within(stack, login)


def test_class_32_ids_have_one_spelling_and_a_miss_is_told(stack: Stack) -> None:
    login = log_in(stack, "sealed", "spelled")
    for option, text in (("--session", login.sid.upper()), ("--user", login.uid.upper()), ("--user", f"{login.uid} ")):
        assert run_menshen(stack, "sessions", "revoke", option, text).stdout == "0 sessions ended\n"
    assert check(stack, login).status == 200


# 33


EMPTY = ("", '{"keys": []}')


def fresh_node(data_dir: Path) -> subprocess.CompletedProcess[str]:
    arguments = ["serve", "--data-dir", str(data_dir), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    try:
        return subprocess.run(
            [sys.executable, "-m", "menshen", *arguments], capture_output=True, text=True, cwd=REPOSITORY, timeout=60
        )
    except subprocess.TimeoutExpired as running:
        raise AssertionError(f"it started: {running.stdout!r}") from None


def private_files(data_dir: Path) -> list[Path]:
    return [data_dir / "admin.token", data_dir / "master.key", *sorted((data_dir / "keys").glob("*.json"))]


@pytest.fixture(scope="module")
def seasoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a node that has run once, without a document."""
    data_dir = tmp_path_factory.mktemp("seasoned") / "data"
    arguments = ["serve", "--data-dir", str(data_dir), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    with command(["-m", "menshen", *arguments], data_dir.parent / "log"):
        pass
    return data_dir


def test_class_33_two_installations_share_no_secret(stack: Stack, seasoned: Path) -> None:
    ours, theirs = private_files(stack.data_dir), private_files(seasoned)
    assert [path.name for path in ours] == [path.name for path in theirs]
    assert len(ours) == 6
    for one, other in zip(ours, theirs, strict=True):
        assert one.stat().st_mode & 0o077 == other.stat().st_mode & 0o077 == 0
        for path, elsewhere in ((one, other), (other, one)):
            for secret in _secrets_in(path):
                assert len(secret) >= 43
                assert secret not in elsewhere.read_text()
    for guess in ("admin", "menshen", "changeme", "secret", "123456", "token", "null", "None"):
        assert stack.admin("/v1/sessions", ("Authorization", f"Bearer {guess}")).status == 401


def _secrets_in(path: Path) -> list[str]:
    text = path.read_text()
    if path.suffix != ".json":
        return [text.strip()]
    return [key.get("k") or key["d"] for key in json.loads(text)["keys"]]


@pytest.mark.parametrize(
    "name", ["admin.token", "master.key", "session-sealed", "session-signed", "refresh", "assertion"]
)
def test_class_33_a_secret_that_others_can_read_stops_the_start(name: str, seasoned: Path) -> None:
    [path] = [path for path in private_files(seasoned) if path.stem == name or path.name == name]
    path.chmod(0o644)
    try:
        refused = fresh_node(seasoned)
    finally:
        path.chmod(0o600)
    assert refused.returncode == 1
    assert path.name in refused.stderr
    assert "ready" not in refused.stdout
    for secret in _secrets_in(path):
        assert secret not in refused.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("admin.token", ""),
        ("admin.token", "\n"),
        *((name, text) for name in ("session-sealed", "session-signed", "refresh", "assertion") for text in EMPTY),
    ],
    ids=str,
)
def test_class_33_an_empty_secret_stops_the_start(name: str, text: str, seasoned: Path) -> None:
    [path] = [path for path in private_files(seasoned) if path.stem == name or path.name == name]
    before = path.read_text()
    path.write_text(text)
    try:
        refused = fresh_node(seasoned)
    finally:
        path.write_text(before)
    assert refused.returncode == 1
    assert path.name in refused.stderr


def test_class_33_nothing_that_is_shipped_holds_a_key() -> None:
    for path in Path(menshen.__file__).parent.rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            text = path.read_bytes()
            assert b"PRIVATE KEY-----" not in text, path
            assert not re.search(rb'"(k|d)"\s*:\s*"[A-Za-z0-9_-]{20,}"', text), path
