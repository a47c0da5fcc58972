"""Which plugin types there are besides the login plugins of platforms and those that an installation brings."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from menshen.config.part import Part
from menshen.config.plugins.canary import Canary
from menshen.config.plugins.cors import Cors
from menshen.config.plugins.custom import Custom
from menshen.config.plugins.ip_access import IpAccess
from menshen.config.plugins.jwt import Jwt
from menshen.config.plugins.key_pair import KeyPairAuth
from menshen.config.plugins.oauth import OAuth
from menshen.config.plugins.path_rewrite import PathRewrite
from menshen.config.plugins.rate_limit import RateLimit
from menshen.config.plugins.req_transformer import ReqTransformer
from menshen.config.plugins.tag import Tag

__all__ = ["EXCLUSIVE", "GUARDS", "PARTS", "AnyPlugin", "kind_of"]

AnyPlugin = (
    Canary | Cors | Custom | IpAccess | Jwt | KeyPairAuth | OAuth | PathRewrite | RateLimit | ReqTransformer | Tag
)

PARTS: Final[Mapping[str, type[Part]]] = MappingProxyType(
    {
        "Canary": Canary,
        "Cors": Cors,
        "IpAccess": IpAccess,
        "Jwt": Jwt,
        "KeyPair": KeyPairAuth,
        "OAuth": OAuth,
        "PathRewrite": PathRewrite,
        "RateLimit": RateLimit,
        "ReqTransformer": ReqTransformer,
        "Tag": Tag,
    }
)
"""Plugin type -> what an operator writes for it."""

EXCLUSIVE: Final = frozenset({"login", "Cors", "Jwt", "KeyPair", "OAuth"})
"""Kinds of which one is effective on an API: its own before its group's. Of the others all are, each once."""


GUARDS: Final = frozenset({"login", "Jwt", "KeyPair", "OAuth", "custom"})
"""Kinds that may refuse a caller for who he is. ``access: public`` takes all of them off an API."""


def kind_of(raw: Any) -> str:
    """The kind of a plugin as written: a type of :data:`PARTS`, ``login`` or ``custom``.

    A login plugin is told by its ``app``, so that one whose type is misspelt is still checked as one.
    """
    if isinstance(raw, Mapping):
        kind = raw.get("type")
        if isinstance(kind, str) and kind in PARTS:
            return kind
        return "login" if "app" in raw or "parameters" not in raw else "custom"
    kind = getattr(raw, "type", "")
    if kind in PARTS:
        return str(kind)
    return "custom" if isinstance(raw, Custom) else "login"
