"""From an order number to its traces over the admin address."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from menshen.storage.trace_links import TraceLink, add_trace_links
from tests.web.admin_api.operating import Operator, operating

LINKS = [
    TraceLink(100, "A%E5%8F%B7-7", "order", "a" * 32, "mall/order", 200, "r1"),
    TraceLink(200, "other", "order", "b" * 32, "mall/order", 200, "r2"),
    TraceLink(300, "A%E5%8F%B7-7", "order", "c" * 32, "mall/pay", 502, "r3"),
]


def test_traces_of_a_value_are_told_newest_first_and_paged(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        async with operator.people.database.writing() as connection:
            await add_trace_links(connection, LINKS)
        value = quote("A号-7")
        newest, oldest = (await operator.get(f"/v1/traces?value={value}"))["traces"]
        assert oldest["request_id"] == "r1"
        assert {name: told for name, told in newest.items() if name != "cursor"} == {
            "at": 300,
            "value": "A号-7",
            "tag": "order",
            "trace_id": "c" * 32,
            "route": "mall/pay",
            "status": 502,
            "request_id": "r3",
        }
        page = await operator.get(f"/v1/traces?value={value}&limit=1")
        assert [each["request_id"] for each in page["traces"]] == ["r3"]
        rest = await operator.get(f"/v1/traces?value={value}&below={page['below']}")
        assert [each["request_id"] for each in rest["traces"]] == ["r1"]
        assert await operator.get("/v1/traces?value=nobody") == {"traces": [], "below": None}

    operating(database_url, tmp_path, work)


def test_class_50_only_who_has_the_token_is_told_and_only_for_a_value(database_url: str, tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        for query in ("", "?value=", f"?value={'x' * 129}", "?value=a%0ab", "?value=x&below=0", "?value=x&limit=no"):
            assert (await operator.call("GET", f"/v1/traces{query}"))[0] == 400, query
        assert (await operator.call("POST", "/v1/traces?value=x"))[0] == 405
        operator.token = "wrong"
        assert (await operator.call("GET", "/v1/traces?value=x"))[0] == 401

    operating(database_url, tmp_path, work)
