"""A developer's mini-program code against the gateway: ``js_code`` in a JSON body, the token in ``data``.

The document is ``seeds/003_49e8fb804cf8fc50.txt``, run where the seeds are at hand; a page of the same shape is kept
beside the test. It sends an AppSecret, which a mini program must never have: the gateway refuses that and says why.
Without that one line the page works, and nothing else of it changes but the address.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.edge.conftest import APPID, Stack
from tests.edge.people import logged, people_stack
from tests.edge.processes import REPOSITORY

WX = REPOSITORY / "tests" / "wx"
DOCUMENTS = [WX / "spring_document.txt", *REPOSITORY.parent.glob("shared/seeds/003_49e8fb804cf8fc50.txt")]

SENDS_THE_SECRET = re.compile(r"^ +secret: '(.+)',\n", re.MULTILINE)

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
    pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with people_stack(tmp_path_factory.mktemp("spring")) as running:
        yield running


def page(stack: Stack, document: Path, *call: str, **replace: str) -> dict[str, Any]:
    settings = {
        "emulator": stack.emulator.origin,
        "appid": APPID,
        "user": "zhaoliu",
        "document": str(document),
        "replace": {"http://127.0.0.1:8080": stack.gateway.origin, **replace},
        "call": list(call),
    }
    run = subprocess.run(
        ["node", str(WX / "seed_page.js"), json.dumps(settings)], capture_output=True, text=True, timeout=90
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_a_page_with_the_secret_in_it_is_told_so(document: Path, stack: Stack) -> None:
    exchanges = stack.exchanges()
    (refused,) = page(stack, document, "onLaunch")["responses"]
    assert refused["statusCode"] == 400
    assert (refused["data"]["code"], refused["data"]["reason"]) == (4000, "client_sent_secret")
    assert "AppSecret" in refused["data"]["message"]
    assert _secret_line(document)[1] not in json.dumps(refused)
    assert stack.exchanges() == exchanges, "the platform was not asked"
    row = logged(stack, outcome="client_sent_secret")[0]
    assert (row["app"], row["request_id"]) == ("shop", refused["data"]["request_id"]), "the operator learns of it"


def test_without_that_line_the_page_works(document: Path, stack: Stack) -> None:
    found = page(stack, document, "onLaunch", *_later(document), **{_secret_line(document)[0]: ""})
    login, business = found["responses"]
    assert login["statusCode"] == 200, login
    assert set(login["data"]) == {"code", "data"}
    assert found["storage"]["token"] == login["data"]["data"], "the page stores data.data"
    assert business["statusCode"] == 200, business
    seen = dict(business["data"]["headers"])
    assert seen["x-menshen-appid"] == APPID
    assert seen["x-menshen-openid"].startswith("o")
    assert "authentication" not in seen


def _secret_line(document: Path) -> tuple[str, str]:
    """The line that sends the AppSecret, and the AppSecret."""
    found = SENDS_THE_SECRET.search(document.read_text(encoding="utf-8"))
    assert found is not None
    return found[0], found[1]


def _later(document: Path) -> list[str]:
    """The number of the block that calls the business."""
    blocks = document.read_text(encoding="utf-8").split("```js\n")[1:]
    return [str(number) for number, block in enumerate(blocks) if "findsome" in block]


def test_an_openid_of_the_clients_own_is_not_believed(document: Path, stack: Stack) -> None:
    """The document's own backend looked a user up by what the client sent."""
    headers = [("Authentication", "ovictim0000000000000000000"), ("openid", "ovictim0000000000000000000")]
    assert stack.gateway("/wx/findsome", *headers).refusal == (401, 4001, "session_invalid")
    assert document.exists()
