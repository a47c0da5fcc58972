"""The AppSecrets in a document as it is written, for whoever stores it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from menshen.config.environment import has_reference

__all__ = ["map_secrets"]


def map_secrets(raw: Mapping[str, Any], fn: Callable[[str], str]) -> dict[str, Any]:
    """A copy with ``fn`` applied to every ``apps[*].secret`` that is literal text.

    One that has a ``${NAME}`` reference in it is no secret yet and stays. A document of another shape than expected is
    left as it is: what is wrong with it is said where it is read.
    """
    copied = dict(raw)
    if isinstance(raw.get("apps"), list):
        copied["apps"] = [_app(app, fn) for app in raw["apps"]]
    return copied


def _app(app: Any, fn: Callable[[str], str]) -> Any:
    if not isinstance(app, Mapping):
        return app
    secret = app.get("secret")
    if not isinstance(secret, str) or has_reference(secret):
        return app
    return {**app, "secret": fn(secret)}
