"""Access tokens are replaced before they end, so that no user waits for one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from menshen.config.snapshot import App
from menshen.errors import DatabaseUnavailable
from menshen.gateway.access_tokens import AccessTokens

__all__ = ["keep_tokens"]

log = logging.getLogger("menshen.node")

_LOOK_SECONDS = 20.0
"""A token is due about five minutes before its end: there is time for several attempts."""


async def keep_tokens(tokens: AccessTokens, apps: Callable[[], Iterable[App]], every: float = _LOOK_SECONDS) -> None:
    """For ever, every so many seconds. Any number of nodes may do it: one of them fetches."""
    while True:
        await asyncio.sleep(every)
        try:
            failed = await tokens.refresh_ahead(apps())
        except DatabaseUnavailable as error:
            log.warning("access_tokens_not_refreshed", extra={"why": str(error)})
            continue
        for name, refusal in failed.items():
            facts = {"app": name, "reason": refusal.reason, "platform_errcode": refusal.platform_errcode}
            log.warning("access_token_not_refreshed", extra={**facts, "detail": refusal.detail})
