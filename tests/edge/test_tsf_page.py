"""The TSF document's mini-program code, unmodified but for its two URL placeholders, against a running gateway.

The document is ``seeds/000_83f9a7af4ec1d40e.txt``, and in another spelling, whose code stands in a list and not in
fenced blocks, ``seeds/001_60e54ca3fdb919ea.txt``. Their parts with the code are kept beside the test, and where the
seeds are at hand the whole documents are run as well.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.edge.conftest import APPID, Stack
from tests.edge.processes import REPOSITORY

WX = REPOSITORY / "tests" / "wx"
DOCUMENTS = [
    WX / "tsf_document.txt",
    WX / "tsf_list_document.txt",
    *REPOSITORY.parent.glob("shared/seeds/000_83f9a7af4ec1d40e.txt"),
    *REPOSITORY.parent.glob("shared/seeds/001_60e54ca3fdb919ea.txt"),
]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_documents_code_logs_in_and_calls_the_business(document: Path, stack: Stack) -> None:
    settings = {
        "emulator": stack.emulator.origin,
        "appid": APPID,
        "user": "zhangsan",
        "document": str(document),
        "login": f"{stack.gateway.origin}/tsf/login",
        "business": f"{stack.gateway.origin}/tsf/orders/1",
    }
    run = subprocess.run(
        ["node", str(WX / "tsf_page.js"), json.dumps(settings)], capture_output=True, text=True, timeout=90
    )
    assert run.returncode == 0, run.stderr
    page = json.loads(run.stdout)
    login, business = page["responses"]
    assert login["statusCode"] == business["statusCode"] == 200
    assert page["storage"]["user_session"] == login["header"]["user_session"]
    assert page["toasts"] == [{"title": "登录成功"}]
    seen = dict(business["data"]["headers"])
    assert seen["x-menshen-openid"].startswith("o")
    assert "user_session" not in seen
