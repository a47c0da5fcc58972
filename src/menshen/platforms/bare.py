"""Where an adapter begins: a platform that has nothing yet. An adapter says only what its platform has.

What is not said is not offered, and is refused before anything is sent: an adapter that forgets a capability closes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from menshen.config.snapshot import App
from menshen.errors import CodeMalformed, InternalFault, NotOffered
from menshen.platforms.base import EncryptedData, Flow, PlatformIdentity, PlatformPhone, PlatformToken, RefusedFor
from menshen.secret import Secret

__all__ = ["BarePlatform", "BareTokenPlatform"]


class BarePlatform:
    """A ``Platform`` without its names, its code pattern and its ``code2session``, which each adapter has.

    An adapter that opens data puts the class of its kind in front: ``class QQ(BySessionKey, BarePlatform)``.
    """

    __slots__ = ()

    name: str
    plugin_type: str
    default_base_url: str
    code_pattern: re.Pattern[str]
    settings_page: str
    open_data: bool = False
    phone_data: bool = False
    session_keys: bool = False
    phone_codes: bool = False
    session_checks: bool = False
    stable_tokens: bool = False
    refused_for: Mapping[int, RefusedFor] = MappingProxyType({})

    def possible(self, code: str) -> Secret:
        """A code that the platform can have made. Raises CodeMalformed, before anything is sent: attack class 34."""
        if self.code_pattern.fullmatch(code) is None:
            raise CodeMalformed
        return Secret(code)

    def encrypted_data(self, *_: Any, **__: Any) -> EncryptedData:
        raise NotOffered(f"{self.name} has no encrypted data")

    def decrypt(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise NotOffered(f"{self.name} has no encrypted data")

    def access_token(self, *_: Any, **__: Any) -> Flow[PlatformToken]:
        raise NotOffered(f"{self.name} has no access tokens of apps")

    def phone_number(self, *_: Any, **__: Any) -> Flow[PlatformPhone]:
        raise NotOffered(f"{self.name} has no phone codes")

    def check_session(self, *_: Any, **__: Any) -> Flow[bool]:
        raise NotOffered(f"{self.name} does not tell whether a session_key is good")

    def reset_session_key(self, *_: Any, **__: Any) -> Flow[PlatformIdentity]:
        raise NotOffered(f"{self.name} does not make another session_key")


class BareTokenPlatform(BarePlatform):
    """The same, for a ``TokenLogins``: its adapter has ``access_token`` and ``code2session_by``."""

    __slots__ = ()

    def code2session(self, app: App, code: str) -> Flow[PlatformIdentity]:  # noqa: ARG002
        raise InternalFault(f"a login on {self.name} comes with an access token")
