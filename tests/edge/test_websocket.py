"""A WebSocket handshake is checked like any request, and carries the identity like any request."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tests.edge.conftest import Stack


def test_a_handshake_without_a_login_state_is_refused(stack: Stack) -> None:
    async def connect() -> int:
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(f"{stack.gateway.origin}/mall/chat")
            return refused.value.status

    assert asyncio.run(connect()) == 401


def test_a_handshake_with_one_reaches_the_backend_with_identity(stack: Stack) -> None:
    headers = {"user_session": stack.log_in("zhangsan"), "X-Menshen-Openid": "forged"}

    async def talk() -> tuple[dict[str, str], str]:
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"{stack.gateway.origin}/mall/chat", headers=headers) as socket,
        ):
            seen = json.loads(await socket.receive_str())
            await socket.send_str("hello")
            return dict(seen), await socket.receive_str()

    seen, echoed = asyncio.run(talk())
    assert echoed == "hello"
    assert seen["x-menshen-openid"].startswith("o")
    assert "user_session" not in seen
