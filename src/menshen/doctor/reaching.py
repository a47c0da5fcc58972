"""The way to a server: its name, a connection, its certificate; and at which of them it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from dataclasses import dataclass
from typing import Literal

from menshen.doctor.finding import Said

__all__ = ["Unreached", "reach"]

Stage = Literal["name", "connection", "certificate"]


@dataclass(frozen=True, slots=True)
class Unreached:
    """Where the way ends, and why."""

    stage: Stage
    words: Said


async def reach(
    host: str, port: int, context: ssl.SSLContext | None, server_name: str = "", *, seconds: float
) -> Unreached | None:
    """Connect, and close again; nothing is sent. None where all went well. ``context``: with TLS, checked by it."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname=(server_name or host) if context is not None else None
            )
    except TimeoutError:
        return Unreached("connection", Said(f"does not answer within {seconds:g} s", f"{seconds:g} 秒内没有应答"))
    except socket.gaierror:
        return Unreached("name", Said("is not a name that can be found", "域名无法解析"))
    except ssl.SSLCertVerificationError as error:
        return _certificate(error.verify_message)
    except ssl.SSLError as error:
        return _certificate(error.reason or "TLS")
    except OSError as error:
        return _refused(error)
    # Not waited for: a server that never says goodbye would hold up the check.
    writer.transport.abort()
    return None


def _certificate(why: str) -> Unreached:
    return Unreached("certificate", Said(f"has no certificate that holds ({why})", f"证书无效：{why}"))


def _refused(error: OSError) -> Unreached:
    # Of several addresses that were tried, asyncio tells in a text alone.
    why = os.strerror(error.errno) if error.errno else type(error).__name__
    return Unreached("connection", Said(f"refuses connections ({why})", f"连接被拒绝：{why}"))
