"""The user pool over the admin address, as an operator or the console calls it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from menshen.config.user_rules import EVENTS, WebhookRules
from menshen.secret import Secret
from menshen.storage.log_tables import audit, webhook_deliveries
from menshen.users.phone_number import parse_phone
from menshen.users.phones import PhoneNumbers
from tests.web.admin_api.operating import MASTER_KEY, Operator, operating

DAY = 86_400

CALLS = [
    ("GET", "/v1/users"),
    ("GET", "/v1/users/u1"),
    ("GET", "/v1/users/u1/phone"),
    ("GET", "/v1/keys"),
    ("POST", "/v1/keys/sealed/rotate"),
    ("POST", "/v1/keys/k1/retire"),
    ("POST", "/v1/users/u1/ban"),
    ("POST", "/v1/users/u1/unban"),
    ("POST", "/v1/users/u1/close"),
    ("POST", "/v1/users/u1/merge"),
    ("PATCH", "/v1/users/u1/metadata"),
    ("PATCH", "/v1/users/u1/claims"),
    ("GET", "/v1/logins"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/webhooks"),
    ("GET", "/v1/webhooks/crm/deliveries"),
    ("POST", "/v1/webhooks/crm/test"),
    ("POST", "/v1/webhooks/crm/deliveries/d/send-again"),
]


async def fill(operator: Operator) -> None:
    people = operator.people
    people.now = time.time()
    number = PhoneNumbers(MASTER_KEY).digest(parse_phone("13580006666"))
    await people.add("u1", openids=("o1",), account="anna", phone=number, nickname="Anna", claims='{"role":"vip"}')
    people.now += 1
    await people.add("u2", openids=("o2",))


def test_nothing_is_told_or_done_without_the_token(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await fill(operator)
        for token in ("", "wrong", "t" * 39, "T" * 40):
            operator.token = token
            for method, path in CALLS:
                status, answer = await operator.call(method, path, {"confirm": True, "into": "u2"})
                assert (status, list(answer)) == (401, ["message"])
        assert (await operator.people.user("u1"))["status"] == "active"

    operating(database_url, tmp_path, work)


def test_users_are_listed_page_by_page_and_found_by_what_is_bound(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await fill(operator)
        page = await operator.get("/v1/users?limit=1")
        assert [user["uid"] for user in page["users"]] == ["u2"]
        rest = await operator.get(f"/v1/users?limit=1&below={page['below']}")
        assert [user["uid"] for user in rest["users"]] == ["u1"]
        assert rest["below"] is None
        assert await operator.get("/v1/users?below=1.u1") == {"users": [], "below": None}
        for query in (
            "uid=u1",
            "openid=o1",
            "account=ANNA",
            "phone=13580006666",
            "phone=%2B8613580006666",
            "find=o1",
            "find=Anna",
        ):
            assert [user["uid"] for user in (await operator.get(f"/v1/users?{query}"))["users"]] == ["u1"], query
        assert (await operator.get("/v1/users?phone=6666"))["users"] == []  # the sample's tail is its digest's end
        assert (await operator.get("/v1/users?status=banned"))["users"] == []

    operating(database_url, tmp_path, work)


def test_a_user_is_shown_whole_without_a_secret(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await fill(operator)
        shown = await operator.get("/v1/users/u1")
        assert shown["claims"] == {"role": "vip"}
        assert shown["account"] == {"source": "own", "name": "Anna"}
        [identity] = shown["identities"]
        assert (identity["platform"], identity["appid"], identity["openid"]) == ("wechat", "wx1", "o1")
        assert set(shown["phone"]) == {"tail", "bound_at"}
        text = json.dumps(shown)
        assert [secret for secret in ("sealed", "password", "digest", "session_key") if secret in text] == []

    operating(database_url, tmp_path, work)


def test_a_user_is_banned_let_in_again_and_closed(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await fill(operator)
        operator.webhooks.append(WebhookRules("crm", "http://127.0.0.1:9/", Secret("s"), EVENTS))
        until = int(time.time()) + DAY
        await operator.people.log_in("u1")
        assert await operator.call("POST", "/v1/users/u1/ban", {"reason": "spam", "until": until}) == (
            200,
            {"ended": 1},
        )
        [user] = (await operator.get("/v1/users?status=banned"))["users"]
        assert (user["uid"], user["status_reason"], user["banned_until"]) == ("u1", "spam", until)
        assert await operator.call("POST", "/v1/users/u1/unban") == (200, {})
        status, answer = await operator.call("POST", "/v1/users/u1/unban")
        assert (status, answer) == (400, {"message": "user u1 is not banned"})
        for body in ({}, {"confirm": False}, {"confirm": 1}, {"reason": "x"}):
            status, _ = await operator.call("POST", "/v1/users/u1/close", body)
            assert status == 400
        assert await operator.call("POST", "/v1/users/u1/close", {"confirm": True}) == (200, {"ended": 0})
        assert (await operator.get("/v1/users/u1"))["identities"] == []
        rows = await operator.people.rows(audit)
        assert [(row["actor"], row["action"]) for row in rows] == [
            ("admin", "user.ban"),
            ("admin", "user.unban"),
            ("admin", "user.close"),
        ]
        assert [row["event"] for row in await operator.people.rows(webhook_deliveries)] == ["ban", "close"]

    operating(database_url, tmp_path, work)


def test_users_are_merged_and_noted(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await fill(operator)
        status, moved = await operator.call("POST", "/v1/users/u1/merge", {"into": "u2"})
        assert (status, moved["identities"], moved["accounts"]) == (200, 1, 1)
        assert (await operator.get("/v1/users/u1"))["merged_into"] == "u2"
        changes: dict[str, Any] = {"vip": True, "note": "called"}
        assert await operator.call("PATCH", "/v1/users/u2/metadata", changes) == (200, {"metadata": changes})
        status, answer = await operator.call("PATCH", "/v1/users/u2/metadata", {"note": None})
        assert answer == {"metadata": {"vip": True}}
        assert await operator.call("PATCH", "/v1/users/u2/claims", {"role": "a"}) == (200, {"claims": {"role": "a"}})
        assert (await operator.call("PATCH", "/v1/users/u2/claims", {"Role": "a"}))[0] == 400
        assert (await operator.call("PATCH", "/v1/users/u2/claims", {"role": 1}))[0] == 400

    operating(database_url, tmp_path, work)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/users/u9", None, 404),
        ("POST", "/v1/users/u9/ban", b"{}", 404),
        ("GET", "/v1/users?status=dead", None, 400),
        ("GET", "/v1/users?phone=12", None, 400),
        ("GET", "/v1/users?below=x", None, 400),
        ("GET", "/v1/users?below=99999999999.u1", None, 400),
        ("GET", "/v1/users?limit=0", None, 400),
        ("GET", "/v1/users?limit=-1", None, 400),
        ("GET", "/v1/users?limit=9e9", None, 400),
        ("GET", "/v1/users?uid=%00", None, 400),
        ("GET", "/v1/users/%00", None, 400),
        ("GET", "/v1/users?uid=" + "u" * 201, None, 400),
        ("GET", "/v1/logins?below=99999999999999999999", None, 400),
        ("POST", "/v1/users/u1/ban", b"", 400),
        ("POST", "/v1/users/u1/ban", b"[]", 400),
        ("POST", "/v1/users/u1/ban", b"{", 400),
        ("POST", "/v1/users/u1/ban", b'{"reason": 1}', 400),
        ("POST", "/v1/users/u1/ban", b'{"why": "x"}', 400),
        ("POST", "/v1/users/u1/ban", b'{"until": 5}', 400),
        ("POST", "/v1/users/u1/ban", b'{"reason": "' + b"x" * 20_000 + b'"}', 413),
        ("POST", "/v1/users/u1/merge", b'{"into": "u1"}', 400),
        ("DELETE", "/v1/users/u1", None, 405),
        ("GET", "/v1/users/u1/ban", None, 405),
        ("POST", "/v1/webhooks/nobody/test", None, 404),
        ("POST", "/v1/webhooks/crm/deliveries/d/send-again", None, 404),
        ("GET", "/v1/webhooks/crm/deliveries?status=sent", None, 400),
    ],
)
def test_a_call_that_is_wrong_is_refused_and_changes_nothing(
    database_url: str, tmp_path: Path, method: str, path: str, body: bytes | None, status: int
) -> None:
    async def work(operator: Operator) -> None:
        await fill(operator)
        answered, _ = await operator.call(method, path, data=body)
        assert answered == status
        assert await operator.people.rows(audit) == []
        assert (await operator.people.user("u1"))["status"] == "active"

    operating(database_url, tmp_path, work)
