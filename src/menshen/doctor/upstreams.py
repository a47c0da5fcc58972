"""Upstreams: every endpoint takes connections, shows the right certificate, and answers its health check."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Final

import aiohttp

from menshen.config.snapshot import Endpoint, Upstream
from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation
from menshen.doctor.reaching import reach

__all__ = ["CHECK"]

_SECONDS: Final = 3.0

DOWN = Trouble(
    "upstream_down",
    "failed",
    Said("no endpoint can be used: {why}", "没有可用的地址：{why}"),
    Said(
        "Start the backend, or correct its endpoints, its tls or its health_check in the configuration.",
        "启动后端，或修正配置中的 endpoints、tls 或 health_check。",
    ),
)
PARTLY = Trouble(
    "upstream_partly_down",
    "warning",
    Said("{count} of {all} endpoints cannot be used: {why}", "{all} 个地址中有 {count} 个不可用：{why}"),
    Said("Start what is missing, or take it out of the endpoints.", "启动缺少的实例，或将其从 endpoints 中删除。"),
)


async def _run(installation: Installation, subject: str) -> Sequence[Finding]:
    (upstream,) = [each for each in installation.snapshot.upstreams if each.name == subject]
    endpoints = dict.fromkeys((*upstream.endpoints, *(at for each in upstream.versions for at in each.endpoints)))
    context = await asyncio.to_thread(_context, upstream)
    if isinstance(context, Said):
        return [DOWN.seen(why=context)]
    said = await asyncio.gather(*(_usable(upstream, endpoint, context) for endpoint in endpoints))
    wrong = [(f"{at.host}:{at.port}", why) for at, why in zip(endpoints, said, strict=True) if why is not None]
    words = Said("; ".join(f"{at} {why.en}" for at, why in wrong), "；".join(f"{at} {why.zh}" for at, why in wrong))
    if len(wrong) == len(endpoints):
        return [DOWN.seen(why=words)]
    if wrong:
        return [PARTLY.seen(count=len(wrong), all=len(endpoints), why=words)]
    return [well(f"{len(endpoints)} endpoints can be used", f"{len(endpoints)} 个地址均可用")]


def _subjects(installation: Installation) -> Sequence[str]:
    return [upstream.name for upstream in installation.snapshot.upstreams]


def _context(upstream: Upstream) -> ssl.SSLContext | Said | None:
    """What TLS is checked by; words say why there is nothing to check it by."""
    if upstream.tls is None:
        return None
    try:
        context = ssl.create_default_context(cafile=upstream.tls.ca or None)
    except (OSError, ssl.SSLError):
        return Said(f"its ca {upstream.tls.ca} cannot be read", f"无法读取 CA 文件 {upstream.tls.ca}")
    context.set_alpn_protocols(["h2" if upstream.protocol == "http2" else "http/1.1"])
    return context


async def _usable(upstream: Upstream, endpoint: Endpoint, context: ssl.SSLContext | None) -> Said | None:
    """What is wrong with an endpoint; None where nothing is."""
    name = upstream.tls.server_name if upstream.tls is not None else ""
    failure = await reach(endpoint.host, endpoint.port, context, name, seconds=_SECONDS)
    if failure is not None:
        return failure.words
    # An HTTP/2 health check is Envoy's to make: there is no client of it here.
    if upstream.health_check is None or upstream.protocol == "http2":
        return None
    return await _healthy(upstream, endpoint, context, name)


async def _healthy(upstream: Upstream, endpoint: Endpoint, context: ssl.SSLContext | None, name: str) -> Said | None:
    path = upstream.health_check.path if upstream.health_check is not None else "/"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    url = f"{'http' if context is None else 'https'}://{host}:{endpoint.port}{path}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS), trust_env=False) as session,
            session.get(
                url, ssl=True if context is None else context, server_hostname=name or None, allow_redirects=False
            ) as reply,
        ):
            status = reply.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        kind = type(error).__name__
        return Said(f"does not answer at {path} ({kind})", f"{path} 没有应答（{kind}）")
    return None if status == 200 else Said(f"answers {status} at {path}", f"{path} 应答 {status}")


CHECK = Check(
    "upstream",
    Said(
        "For each upstream: that every endpoint, those of versions too, can be connected to, and is healthy at the "
        "path of its health check.",
        "对每个上游：所有地址（含各版本）均可连接，并在健康检查路径上应答正常。",
    ),
    (DOWN, PARTLY),
    _run,
    _subjects,
)
