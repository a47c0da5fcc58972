"""The login log and the audit log over the admin address."""

from __future__ import annotations

from pathlib import Path

from menshen.storage.login_log import LoginRow, write_logins
from tests.users.people import BY
from tests.web.admin_api.operating import Operator, operating

ROWS = [
    LoginRow(100, "ok", "code", "u1", True, "wechat", "shop", "10.0.0.1", "MicroMessenger", "r1", ""),
    LoginRow(200, "code_used", "code", "", False, "wechat", "shop", "10.0.0.2", "curl", "r2", "seen before"),
    LoginRow(300, "ok", "sms", "u2", False, "qq", "game", "10.0.0.1", "", "r3", ""),
]


def test_logins_are_filtered_and_paged(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        async with operator.people.database.writing() as connection:
            await write_logins(connection, ROWS)

        async def found(query: str) -> list[str]:
            answer = await operator.get(f"/v1/logins?{query}")
            return [each["request_id"] for each in answer["logins"]]

        assert await found("") == ["r3", "r2", "r1"]
        assert await found("user=u1") == ["r1"]
        assert await found("app=shop") == ["r2", "r1"]
        assert await found("ip=10.0.0.1") == ["r3", "r1"]
        assert await found("outcome=failed") == ["r2"]
        assert await found("outcome=ok&since=150") == ["r3"]
        page = await operator.get("/v1/logins?limit=2")
        assert await found(f"limit=2&below={page['below']}") == ["r1"]
        [newest] = (await operator.get("/v1/logins?limit=1"))["logins"]
        assert {name: value for name, value in newest.items() if name != "cursor"} == {
            "at": 300,
            "outcome": "ok",
            "how": "sms",
            "uid": "u2",
            "new_user": False,
            "platform": "qq",
            "app": "game",
            "ip": "10.0.0.1",
            "user_agent": "",
            "request_id": "r3",
            "detail": "",
        }

    operating(database_url, tmp_path, work)


def test_the_audit_log_tells_who_did_what(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.people.add("u1")
        await operator.people.life.ban("u1", BY, reason="spam")
        await operator.people.life.unban("u1", BY)
        answer = await operator.get("/v1/audit?user=u1")
        assert [each["action"] for each in answer["audit"]] == ["user.unban", "user.ban"]
        [ban] = (await operator.get("/v1/audit?action=user.ban"))["audit"]
        assert (ban["actor"], ban["uid"], ban["detail"]["reason"]) == ("test", "u1", "spam")
        assert (await operator.get(f"/v1/audit?below={ban['cursor']}")) == {"audit": [], "below": None}

    operating(database_url, tmp_path, work)
