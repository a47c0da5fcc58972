"""The secrets in a document as it is written, for whoever stores or shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from menshen.config.environment import has_reference

__all__ = ["SECRETS", "map_at_secrets", "map_secrets"]


SECRETS: Final = (
    ("apps", "*", "secret"),
    ("apps", "*", "data_key"),
    ("apps", "*", "api_security", "symmetric_key"),
    ("apps", "*", "api_security", "private_key"),
    ("components", "*", "secret"),
    ("components", "*", "token"),
    ("components", "*", "message_key"),
    ("plugins", "*", "keys", "*", "secret"),
    ("webhooks", "*", "secret"),
    ("users", "accounts", "verifier", "secret"),
    ("users", "sms", "secret"),
    ("users", "captcha", "secret"),
)
"""Where they are; ``*`` is each item of a list."""


def map_secrets(raw: Mapping[str, Any], fn: Callable[[str], str]) -> dict[str, Any]:
    """A copy with ``fn`` applied to every secret that is literal text.

    One that has a ``${NAME}`` reference in it is no secret yet and stays. A document of another shape than expected is
    left as it is: what is wrong with it is said where it is read.
    """
    return map_at_secrets(
        raw, lambda value: fn(value) if isinstance(value, str) and not has_reference(value) else value
    )


def map_at_secrets(raw: Mapping[str, Any], fn: Callable[[Any], Any]) -> dict[str, Any]:
    """A copy with ``fn`` applied to whatever is where a secret belongs."""
    mapped: Any = dict(raw)
    for at in SECRETS:
        mapped = _mapped(mapped, at, fn)
    return dict(mapped)


def _mapped(value: Any, at: Sequence[str], fn: Callable[[Any], Any]) -> Any:
    if not at:
        return fn(value)
    key, *rest = at
    if key == "*":
        return [_mapped(item, rest, fn) for item in value] if isinstance(value, list) else value
    if not isinstance(value, Mapping) or key not in value:
        return value
    return {**value, key: _mapped(value[key], rest, fn)}
