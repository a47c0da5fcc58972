"""Guessing passwords and flooding logins, through a real Envoy at two workers."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.edge.conftest import Stack
from tests.edge.people import Person, people_stack
from tests.edge.processes import REPOSITORY, Reply

PASSWORD = "planted-Password-1"
REFUSED, LOCKED = (403, 4003, "account_refused"), (429, 4025, "account_locked")
CAPTCHA, LIMIT = (403, 4003, "captcha_required"), (429, 4025, "login_limit")
TRIES, PER_ADDRESS, CAPTCHA_AFTER = 4, 30, 20

RULES = f"""{{{{registration: true, lock_after: {TRIES}}}}}
  limits: {{{{ip: {{{{count: {PER_ADDRESS}, seconds: 600}}}}}}}}"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Behind one proxy, so that each test comes from an address of its own."""
    directory = tmp_path_factory.mktemp("guessing")
    with people_stack(directory, accounts=RULES, more="listener: {{trusted_hops: 1}}\n") as running:
        yield running


def call(stack: Stack, path: str, ip: str, **body: Any) -> Reply:
    return stack.gateway.send_json("POST", f"/v1/{path}", {"app": "shop", **body}, ("x-forwarded-for", ip))


def guess(stack: Stack, username: str, password: str, ip: str, **more: Any) -> Reply:
    return call(stack, "login", ip, username=username, password=password, **more)


def told(reply: Reply) -> tuple[Any, ...]:
    """All that a client can tell one refusal from another by, but the seconds, which pass."""
    body = {name: value for name, value in reply.json.items() if name != "request_id"}
    return reply.refusal, body, sorted(reply.headers), len(reply.raw)


def test_class_32_a_lock_holds_for_every_spelling_and_tells_nobody_who_exists(stack: Stack) -> None:
    assert call(stack, "register", "192.0.2.1", username="alice.liddell", password=PASSWORD).status == 200
    stories = [
        [told(guess(stack, each, "not the password", "192.0.2.2")) for each in spellings]
        for spellings in (
            ["alice.liddell", "ALICE.liddell", "Alice.Liddell", "alice.LIDDELL", "ａlice.liddell", " alice.liddell"],
            ["cheshire.cats", "CHESHIRE.cats", "Cheshire.Cats", "cheshire.CATS", "ｃheshire.cats", " cheshire.cats"],
        )
    ]
    assert [refusal for refusal, *_ in stories[0]] == [REFUSED] * TRIES + [LOCKED] * 2
    assert stories[0] == stories[1]
    right = guess(stack, "alice.liddell", PASSWORD, "192.0.2.3")
    assert right.refusal == LOCKED
    assert 800 < int(right.headers["retry-after"]) <= 900


def test_parallel_guesses_at_two_workers_get_the_tries_of_one(stack: Stack) -> None:
    assert call(stack, "register", "192.0.2.10", username="white.rabbit", password=PASSWORD).status == 200
    with ThreadPoolExecutor(12) as threads:
        replies = threads.map(
            lambda n: guess(stack, "white.rabbit", f"guess number {n}", f"192.0.2.{20 + n}"), range(24)
        )
        kinds = Counter(reply.refusal for reply in replies)
    # A guess that waited too long in the queue of its name would be 5012; there are fewer than that here.
    assert kinds == {REFUSED: TRIES, LOCKED: 24 - TRIES}


def test_an_operator_unlocks_a_name_while_the_gateway_runs(stack: Stack) -> None:
    assert call(stack, "register", "192.0.2.60", username="mad.hatter", password=PASSWORD).status == 200
    for _ in range(TRIES):
        assert guess(stack, "mad.hatter", "not the password", "192.0.2.61").refusal == REFUSED
    assert guess(stack, "mad.hatter", PASSWORD, "192.0.2.62").refusal == LOCKED
    done = subprocess.run(
        [sys.executable, "-m", "menshen", "users", "unlock", "Mad.Hatter", "--data-dir", str(stack.data_dir)],
        capture_output=True,
        cwd=REPOSITORY,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert guess(stack, "mad.hatter", PASSWORD, "192.0.2.62").status == 200


def test_after_many_failures_a_captcha_is_asked_for_of_this_name_from_this_address(stack: Stack) -> None:
    assert call(stack, "register", "192.0.2.70", username="dormouse", password=PASSWORD).status == 200
    for n in range(CAPTCHA_AFTER):
        assert guess(stack, "dormouse", "not the password", "192.0.2.71").refusal == (REFUSED if n < TRIES else LOCKED)
    assert guess(stack, "dormouse", PASSWORD, "192.0.2.71").refusal == CAPTCHA
    assert guess(stack, "DorMouse", PASSWORD, "192.0.2.71", captcha="a guess").refusal == CAPTCHA
    assert guess(stack, "dormouse", PASSWORD, "192.0.2.71", captcha="solved 71").refusal == LOCKED
    assert guess(stack, "dormouse", PASSWORD, "192.0.2.72").refusal == LOCKED
    # A silent login has nobody who could solve one.
    assert call(stack, "login", "192.0.2.71", code=Person(stack, "dormouse").code()).status == 200


def test_two_workers_keep_one_limit_and_a_refused_login_spends_no_code(stack: Stack) -> None:
    codes = [Person(stack, f"crowd-{n}").code() for n in range(PER_ADDRESS + 10)]
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda code: call(stack, "login", "2001:db8::1", code=code), codes))
    refused = [(code, reply) for code, reply in zip(codes, replies, strict=True) if reply.status != 200]
    assert len(refused) == 10
    for _, reply in refused:
        assert reply.refusal == LIMIT
        assert 1 <= int(reply.headers["retry-after"]) <= 660
    code, _ = refused[0]
    assert call(stack, "login", "2001:db8::ffff", code=code).refusal == LIMIT
    assert call(stack, "login", "2001:db8:0:1::1", code=code).status == 200
