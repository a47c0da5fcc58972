"""What is printed for each gateway, as it was last looked at by a human. UPDATE_GOLDEN=1 writes it anew.

Where a gateway does not carry a document, what is said of it is the golden text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from menshen.cli.app import app
from menshen.cli.integrate import Proxy

HERE = Path(__file__).parent
DOCUMENTS = ("rich", "small")


def said(proxy: str, document: str) -> str:
    run = CliRunner().invoke(app, ["integrate", proxy, "--config", str(HERE / f"{document}.yaml")])
    assert run.exit_code in (0, 1), run.output
    assert bool(run.stdout) != bool(run.stderr)
    return run.stdout or run.stderr


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("proxy", Proxy)
def test_it_is_the_golden_one(proxy: Proxy, document: str) -> None:
    path, text = HERE / "golden" / f"{proxy}.{document}.txt", said(proxy, document)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text)
    assert path.read_text() == text, f"{path.name} differs; UPDATE_GOLDEN=1 if that is meant"


@pytest.mark.parametrize("proxy", Proxy)
def test_every_gateway_carries_the_rich_document(proxy: Proxy) -> None:
    assert said(proxy, "rich").startswith("#")


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("proxy", Proxy)
def test_no_secret_is_in_it(proxy: Proxy, document: str) -> None:
    assert not re.search("planted|appsecret-of", said(proxy, document))
