"""What the how-to of WeCom says: its document, and its mini program with the SDK, against a real gateway."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.conftest import Stack, running_stack
from tests.edge.processes import REPOSITORY

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

PAGES = sorted((REPOSITORY / "docs" / "how-to").glob("wecom*.md"))
SCRIPT = REPOSITORY / "tests" / "wx" / "wecom_page.js"
APPID, CORP, SECRET = "wx0000000000000001", "ww0123456789abcdef", "planted-secret-of-the-linked-app-0123456789"


def document() -> str:
    """The page's, with the addresses of this machine."""
    (written,) = re.findall(r"^```yaml\n(.*?)^```$", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    text = str(written).replace("{", "{{").replace("}", "}}").replace("127.0.0.1:9008", "{backend}")
    secret = '    secret: "${{DESK_APPSECRET}}"'
    assert secret in text
    return text.replace(secret, f'    base_url: "{{emulator}}/wecom"\n    secret: "{SECRET}"')


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("wecom-page"), document()) as running:
        app = {"appid": APPID, "secret": SECRET, "platform_key": CORP}
        assert running.emulator.post_json("/emulator/wecom/apps", app).status == 200
        yield running


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_mini_program_of_the_page_logs_in_with_the_code_of_wecom(desk: Stack, page: Path) -> None:
    user = f"documented-{PAGES.index(page)}"
    settings = {
        "emulator": desk.emulator.origin,
        "platform": "wecom",
        "appid": APPID,
        "user": user,
        "page": str(page),
        "gateway": desk.gateway.origin,
        "url": "/desk/rooms",
    }
    before = desk.exchanges("wecom")
    run = subprocess.run(["node", str(SCRIPT), json.dumps(settings)], capture_output=True, text=True, timeout=90)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["statusCode"] == 200
    assert desk.exchanges("wecom") == before + 1


def test_there_are_two_languages() -> None:
    assert [page.name for page in PAGES] == ["wecom.md", "wecom.zh-CN.md"]
