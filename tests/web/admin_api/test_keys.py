"""Keys over the admin address, and phone numbers: what is told of secrets, to whom, and what is written down of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert

from menshen.node.operating import operator_endpoints
from menshen.sessions.keys import FILES, load_key_rings
from menshen.storage.database import sqlite_url
from menshen.storage.log_tables import audit
from menshen.storage.tables import phones
from menshen.storage.webhook_deliveries import Attempted
from menshen.users.phone_number import parse_phone
from menshen.users.phones import PhoneNumbers
from tests.users.people import People, on_people
from tests.web.admin_api.operating import MASTER_KEY, Operator, operating, operating_of


def test_keys_are_listed_rotated_and_retired_and_none_leaves(database_url: str, tmp_path: Path) -> None:
    load_key_rings(tmp_path / "keys")

    async def work(operator: Operator) -> None:
        before = await operator.get("/v1/keys")
        assert {each["purpose"] for each in before["keys"]} == {"sealed", "signed", "refresh", "assertion"}
        [old] = [each["kid"] for each in before["keys"] if each["purpose"] == "signed"]
        assert (await operator.call("POST", f"/v1/keys/{old}/retire"))[0] == 409
        status, made = await operator.call("POST", "/v1/keys/signed/rotate", {"algorithm": "EdDSA"})
        assert (status, made["purpose"]) == (200, "signed")
        status, same = await operator.call("POST", "/v1/keys/signed/rotate", {})
        assert status == 200
        after = await operator.get("/v1/keys")
        ring = [
            (each["kid"], each["algorithm"], each["signs"]) for each in after["keys"] if each["purpose"] == "signed"
        ]
        assert ring == [(same["kid"], "EdDSA", True), (made["kid"], "EdDSA", False), (old, "ES256", False)]
        assert (await operator.call("POST", "/v1/keys/sealed/rotate", {"algorithm": "EdDSA"}))[0] == 409
        assert (await operator.call("POST", "/v1/keys/none/rotate", {}))[0] == 404
        assert (await operator.call("POST", "/v1/keys/sealed/rotate", {"k": "mine"}))[0] == 400
        assert await operator.call("POST", f"/v1/keys/{old}/retire") == (200, {"purpose": "signed", "kid": old})
        assert (await operator.call("POST", f"/v1/keys/{old}/retire"))[0] == 409
        rows = await operator.people.rows(audit)
        assert [(row["actor"], row["action"]) for row in rows] == [
            ("admin", "key.rotate"),
            ("admin", "key.rotate"),
            ("admin", "key.retire"),
        ]
        told = json.dumps([before, after, made, same]) + "".join(row["detail"] for row in rows)
        for name in FILES.values():
            for key in json.loads((tmp_path / "keys" / name).read_text())["keys"]:
                assert [part for part in ("k", "d", "x") if key.get(part) and key[part] in told] == []

    operating(database_url, tmp_path, work)


def test_a_key_file_that_is_broken_is_said_without_what_is_in_it(database_url: str, tmp_path: Path) -> None:
    load_key_rings(tmp_path / "keys")
    file = tmp_path / "keys" / FILES["sealed"]
    file.write_text('{"keys": [{"kty": "oct", "k": "canary-key"}]}')
    file.chmod(0o600)

    async def work(operator: Operator) -> None:
        status, answer = await operator.call("GET", "/v1/keys")
        assert status == 409
        assert "canary" not in json.dumps(answer)

    operating(database_url, tmp_path, work)


def test_a_phone_number_is_told_in_full_and_that_is_written_down(database_url: str, tmp_path: Path) -> None:
    phone = PhoneNumbers(MASTER_KEY).proven(parse_phone("13580006666"))

    async def work(operator: Operator) -> None:
        people = operator.people
        people.now = time.time()
        for uid in ("u1", "u2", "u3"):
            await people.add(uid)
        rows = [
            {"digest": phone.digest, "uid": "u1", "sealed_number": phone.sealed, "tail": phone.tail, "bound_at": 1},
            {"digest": "d" * 64, "uid": "u3", "sealed_number": phone.sealed, "tail": phone.tail, "bound_at": 1},
        ]
        async with people.database.writing() as connection:
            await connection.execute(insert(phones), rows)
        assert await operator.call("GET", "/v1/users/u1/phone") == (200, {"phone": "+8613580006666"})
        assert (await operator.call("GET", "/v1/users/u2/phone"))[0] == 404
        assert (await operator.call("GET", "/v1/users/u9/phone"))[0] == 404
        assert (await operator.call("GET", "/v1/users/u3/phone"))[0] == 409  # sealed for another row
        written = [(row["actor"], row["action"], row["uid"]) for row in await people.rows(audit)]
        assert written == [("admin", "phone.shown", "u1"), ("admin", "phone.shown", "u3")]
        assert "1358000" not in json.dumps(await people.rows(audit))

    operating(database_url, tmp_path, work)


def test_who_ended_which_sessions_is_written_down(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        people = operator.people
        people.now = time.time()
        for _ in range(3):
            await people.log_in("u1")
        path = "/v1/sessions/revoke"
        assert await operator.call("POST", path, {"session": "s1"}) == (200, {"ended": 1})
        assert await operator.call("POST", path, {"user": "u1"}) == (200, {"ended": 2})
        assert await operator.call("POST", path, {"user": ""}) == (200, {"ended": 0})
        assert await operator.call("POST", path, {"app": "shop"}) == (200, {"app": "shop"})
        assert (await operator.call("POST", path, {"app": "Shop"}))[0] == 400
        before = int(time.time()) - 5
        assert await operator.call("POST", path, {"before": before}) == (200, {"before": before})
        rows = [(row["actor"], row["uid"], json.loads(row["detail"])) for row in await people.rows(audit)]
        assert rows[0] == ("admin", "", {"sessions": ["s1"], "ended": 1})
        assert rows[1] == ("admin", "u1", {"ended": 2})
        assert [row[2]["app"] for row in rows[2:]] == ["wechat/wx1", "*"]

    operating(database_url, tmp_path, work)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/sessions/revoke", {"session": "a\0b"}),
        ("/v1/sessions/revoke", {"user": "a\0b"}),
        ("/v1/sessions/revoke", {"app": "a\0b/c"}),
        ("/v1/sessions/revoke", {"app": "wechat/\ud83d\ude00"}),
        ("/v1/sessions/revoke", {"before": 10**18}),
        ("/v1/sessions/revoke", {"before": -(10**18)}),
        ("/v1/users/u1/merge", {"into": "a\0b"}),
        ("/v1/users/u1/ban", {"reason": "a\0b"}),
        ("/v1/users/u1/ban", {"until": 2**62}),
        ("/v1/users/u1/close", {"confirm": True, "reason": "a\0b"}),
    ],
)
def test_what_no_database_keeps_is_a_bad_call(
    database_url: str, tmp_path: Path, path: str, body: dict[str, Any]
) -> None:
    async def work(operator: Operator) -> None:
        await operator.people.add("u1")
        assert (await operator.call("POST", path, body))[0] in (400, 404)
        assert await operator.people.rows(audit) == []

    operating(database_url, tmp_path, work)


def test_every_answer_is_of_a_type_of_its_own(tmp_path: Path) -> None:
    async def on(people: People) -> None:
        async def nothing(_: str) -> Attempted:
            raise AssertionError

        for endpoint in operator_endpoints(operating_of(people, tmp_path, [], nothing)):
            assert issubclass(endpoint.answer, msgspec.Struct), endpoint.path

    on_people(sqlite_url(tmp_path), on)
