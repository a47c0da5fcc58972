"""Worker processes of one server: each has the middleware, all have one data directory, and none is the first."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.asgi.stage import running_app
from tests.asgi.test_document import DOCUMENT
from tests.edge import conftest as edge
from tests.edge.conftest import Stack
from tests.edge.processes import Client, command

MISSING = (401, 4001, "session_missing")
REVOKED = (401, 4024, "session_revoked")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Stack, Client]]:
    with running_app(tmp_path, edge.DOCUMENT) as one:
        arguments = ["-m", "tests.asgi.served", str(one.config), str(one.data_dir)]
        with command(arguments, tmp_path / "two.log", {"OTHER_SECRET": edge.OTHER_SECRET}) as two:
            yield one, Client(two.origin)


def test_what_one_hands_out_the_other_takes_until_it_is_ended(both: tuple[Stack, Client]) -> None:
    one, two = both
    state = ("user_session", one.log_in("zhangsan"))
    assert two("/mall/orders/1", state).identity["x-menshen-openid"]
    assert two("/v1/logout", state, method="POST").json == {"ended": 1}
    deadline = time.monotonic() + 90
    while (reply := one.gateway("/mall/orders/1", state)).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert reply.refusal == REVOKED


def test_a_code_is_exchanged_once_by_both_together(both: tuple[Stack, Client]) -> None:
    one, two = both
    code, before = one.code("zhangsan"), one.exchanges()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: (one.gateway, two)[n % 2]("/mall/login", ("js_code", code)), range(8)))
    assert one.exchanges() - before == 1
    assert {reply.identity["x-menshen-openid"] for reply in replies if reply.status == 200} != set()


def test_they_may_all_start_at_once_in_an_empty_directory(tmp_path: Path) -> None:
    config = tmp_path / "menshen.yaml"
    config.write_text(DOCUMENT)

    def start(number: int) -> tuple[int, int, str]:
        arguments = ["-m", "tests.asgi.served", str(config), str(tmp_path / "data")]
        with command(arguments, tmp_path / f"{number}.log") as served:
            return Client(served.origin)("/mall/all").refusal

    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(3))
        assert list(pool.map(start, range(3))) == [MISSING] * 3
