"""The secrets in a document as it is written, for whoever stores it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from menshen.config.environment import has_reference

__all__ = ["map_secrets"]


_AT = (
    ("apps", "*", "secret"),
    ("plugins", "*", "keys", "*", "secret"),
    ("webhooks", "*", "secret"),
    ("users", "accounts", "verifier", "secret"),
    ("users", "sms", "secret"),
    ("users", "captcha", "secret"),
)


def map_secrets(raw: Mapping[str, Any], fn: Callable[[str], str]) -> dict[str, Any]:
    """A copy with ``fn`` applied to every secret that is literal text.

    One that has a ``${NAME}`` reference in it is no secret yet and stays. A document of another shape than expected is
    left as it is: what is wrong with it is said where it is read.
    """
    mapped: Any = dict(raw)
    for at in _AT:
        mapped = _mapped(mapped, at, fn)
    return dict(mapped)


def _mapped(value: Any, at: Sequence[str], fn: Callable[[str], str]) -> Any:
    if not at:
        return fn(value) if isinstance(value, str) and not has_reference(value) else value
    key, *rest = at
    if key == "*":
        return [_mapped(item, rest, fn) for item in value] if isinstance(value, list) else value
    if not isinstance(value, Mapping) or key not in value:
        return value
    return {**value, key: _mapped(value[key], rest, fn)}
