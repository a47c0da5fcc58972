"""A brain that takes a question and says nothing."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.edge.conftest import Stack
from tests.integrate.proxies import FRONTS, Front


@pytest.mark.parametrize("proxy", FRONTS)
def test_it_is_asked_once_and_then_the_request_is_refused(proxy: str, asked: Stack, tmp_path: Path) -> None:
    """A second question would take the same login code to the platform."""

    def hasty(text: str) -> str:
        edited = re.sub(r"(timeout server|proxy_read_timeout|response_header_timeout) 30s", r"\1 300ms", text)
        assert edited != text
        return edited

    front: Front = FRONTS[proxy]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with front(asked, tmp_path, edit=hasty, verify=f"127.0.0.1:{silent.getsockname()[1]}") as running:
            refused = running.gateway("/mall/login", ("js_code", "a-code"))
        assert refused.refusal == (503, 5004, "brain_unavailable")
        silent.settimeout(0.1)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):
            silent.accept()
