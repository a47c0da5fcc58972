"""Who asks a platform about a code: with the AppSecret, or with the app's access token where the platform wants that.

A platform that refuses the token has not looked at the code, so another token and a second call do not break the rule
that a code is exchanged once.
"""

from __future__ import annotations

from dataclasses import dataclass

from menshen.config.snapshot import App
from menshen.gateway.access_tokens import AccessTokens
from menshen.platforms.base import PlatformIdentity, TokenLogins
from menshen.platforms.client import PlatformClient
from menshen.platforms.registry import adapter_of

__all__ = ["PlatformExchange"]


@dataclass(frozen=True, slots=True)
class PlatformExchange:
    """Fits :class:`menshen.gateway.proofs.CodeExchange`."""

    client: PlatformClient
    tokens: AccessTokens

    async def code2session(self, app: App, code: str) -> PlatformIdentity:
        """Raises what ``PlatformClient.code2session`` does, and what ``AccessTokens.run`` does."""
        platform = adapter_of(app, self.client.platforms)
        if isinstance(platform, TokenLogins):
            return await self.tokens.run(app, lambda token: platform.code2session_by(app, token, code), counted=True)
        return await self.client.code2session(app, code)
