"""The addresses of serve: free, or held by the node of this very data directory."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from menshen.config.snapshot import Endpoint
from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation
from menshen.envoy.addresses import FILES
from menshen.envoy.admin import Admin
from menshen.envoy.child import refuse_taken_port
from menshen.errors import ChildFailed, KeyRingInvalid
from menshen.sessions.rotation import listed
from menshen.web.admin import SESSION_JWKS_PATH

__all__ = ["CHECK"]

_ASK = aiohttp.ClientTimeout(total=2.0)

TAKEN = Trouble(
    "port_taken",
    "failed",
    Said("another program listens on {address}", "{address} 已被其他程序占用"),
    Said(
        "Stop that program (ss -ltnp shows it), or give serve and doctor another address with {option}.",
        "停止该程序（可用 ss -ltnp 查看），或用 {option} 为 serve 和 doctor 指定其他地址。",
    ),
)
FORBIDDEN = Trouble(
    "port_forbidden",
    "failed",
    Said("this user cannot listen on {address}: {why}", "当前用户无法监听 {address}：{why}"),
    Said(
        "Give an address of this machine with {option}, and for a port below 1024 the capability CAP_NET_BIND_SERVICE.",
        "用 {option} 指定本机地址；1024 以下的端口需要 CAP_NET_BIND_SERVICE 权限。",
    ),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    place = installation.place
    return [
        await _of(place.listen, "--listen", await _public(place.data_dir / "envoy", place.listen)),
        await _of(place.admin, "--admin", await _admin(place.data_dir / "keys", place.admin)),
    ]


async def _of(address: Endpoint, option: str, ours: bool) -> Finding:
    shown = f"{address.host}:{address.port}"
    try:
        refuse_taken_port(address)
    except ChildFailed as error:
        why = error.__cause__
        if isinstance(why, OSError) and why.errno == errno.EADDRINUSE:
            if ours:
                return well(f"the node of this data directory is on {shown}", f"本数据目录的节点正在使用 {shown}")
            return TAKEN.seen(address=shown, option=option)
        return FORBIDDEN.seen(address=shown, option=option, why=getattr(why, "strerror", None) or "unknown address")
    return well(f"{shown} is free for {option}", f"{shown} 可供 {option} 使用")


async def _public(directory: Path, address: Endpoint) -> bool:
    """Whether the Envoy of this data directory runs, and listens at this port."""
    async with Admin(directory / "admin.sock") as admin:
        if not await admin.ready():
            return False
    try:
        listeners = msgspec.json.decode((directory / FILES["lds"]).read_bytes())["resources"]
        return any(each["address"]["socket_address"]["port_value"] == address.port for each in listeners)
    except (OSError, ValueError, KeyError):
        return False


async def _admin(keys: Path, address: Endpoint) -> bool:
    """Whether a node with the keys of this data directory answers there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 (asked, not listened on)
    url = f"http://{f'[{host}]' if ':' in host else host}:{address.port}{SESSION_JWKS_PATH}"
    try:
        async with (
            aiohttp.ClientSession(timeout=_ASK, trust_env=False) as session,
            session.get(url, allow_redirects=False) as reply,
        ):
            published: Any = msgspec.json.decode(await reply.read())
        there = {key["kid"] for key in published["keys"]}
        return bool(there) and there == {key.kid for key in listed(keys) if key.purpose == "signed"}
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError, KeyRingInvalid):
        return False


CHECK = Check(
    "ports",
    Said(
        "That the addresses of serve are free, or in use by the node of this data directory.",
        "serve 的地址可用，或正由本数据目录的节点使用。",
    ),
    (TAKEN, FORBIDDEN),
    _run,
)
