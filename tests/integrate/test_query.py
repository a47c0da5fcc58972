"""Credentials in the query, for proxies that can take them off it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edge.conftest import Stack, running_stack
from tests.integrate.conftest import WITH_QUERY
from tests.integrate.proxies import ALL_FRONTS


@pytest.fixture(scope="module", params=["nginx", "haproxy", "envoy-gateway", "apisix", "kong"])
def front(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = ("--workers", "1", "--verify", "127.0.0.1:0")
    with (
        running_stack(tmp_path_factory.mktemp("query"), WITH_QUERY, *options) as stack,
        ALL_FRONTS[request.param](stack, tmp_path_factory.mktemp(request.param)) as running,
    ):
        yield running


def test_a_state_in_the_query_stops_at_the_gateway(front: Stack) -> None:
    login = front.gateway(f"/query/login?a=1&js_code={front.code('zhangsan')}&b=%2f")
    assert login.json["query"] == "a=1&b=%2f"
    state = login.headers["user_session"]
    check = front.gateway(f"/query/x?user%5Fsession={state}")
    assert check.refusal[2] == "ambiguous_credential"
    check = front.gateway(f"/query/x?user_session={state}&c=3")
    assert (check.json["query"], bool(check.identity["x-menshen-user"])) == ("c=3", True)
