"""What each platform has, and who says so: a table beside each adapter, ``wechat.toml`` beside ``wechat.py``.

Of every capability it tells how the fact was confirmed and where, in English and in Chinese. No platform was called for
it: a fact is as good as the page it stands on, and what stands on none is ``unconfirmed``: the adapter is tolerant
there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Literal, get_args

__all__ = ["CAPABILITIES", "Capability", "Confirmation", "Evidence", "evidence"]

Capability = Literal[
    "login",
    "errors",
    "used_code",
    "code_lifetime",
    "unionid",
    "open_data",
    "phone_data",
    "phone_codes",
    "session_checks",
    "access_token",
    "signed_calls",
]
"""Logging in; the error table; a used code told from a wrong one; how long a code lives; one id for all apps of a
developer; profiles, and phone numbers, in data that the client carries; phone codes; whether a session_key is still
good; the app's access token; calls that are signed with keys of the app's, and answers with the platform's."""

CAPABILITIES: Final[tuple[Capability, ...]] = get_args(Capability)

Confirmation = Literal["vendor", "mirror", "forum", "projects", "unconfirmed", "none"]
"""The platform's own page; a copy of it on another site; answers that developers quote in its forum; public projects
that do it so; nothing that was found; the platform does not have it."""

_CONFIRMATIONS: Final[tuple[str, ...]] = get_args(Confirmation)


@dataclass(frozen=True, slots=True)
class Evidence:
    """``where`` in English and in Chinese."""

    confirmed: Confirmation
    where: tuple[str, str]


_UNSAID: Final[Mapping[Capability, Evidence]] = {"signed_calls": Evidence("none", ("TLS only", "仅 TLS"))}
"""What so few platforms have that a table without the line says no."""


def evidence(platforms: Iterable[str]) -> Mapping[str, Mapping[Capability, Evidence]]:
    """Platform -> capability -> what is known. Raises ValueError for a table that is not whole."""
    return {name: _read(name) for name in platforms}


def _read(name: str) -> Mapping[Capability, Evidence]:
    raw = tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text("utf-8"))
    if raw.keys() | _UNSAID.keys() != set(CAPABILITIES):
        raise ValueError(f"{name}.toml: {sorted((raw.keys() | _UNSAID.keys()) ^ set(CAPABILITIES))}")
    return {
        capability: _one(f"{name}.toml: {capability}", raw[capability]) if capability in raw else _UNSAID[capability]
        for capability in CAPABILITIES
    }


def _one(at: str, row: list[str]) -> Evidence:
    match row:
        case ["vendor" | "mirror" | "forum" | "projects" | "unconfirmed" | "none" as confirmed, str(en), str(zh)]:
            return Evidence(confirmed, (en, zh))
    raise ValueError(f"{at} is not [{' | '.join(_CONFIRMATIONS)}, English, Chinese]")
