"""The secret of a proxy that has it from its environment."""

from __future__ import annotations

from menshen.secret import Secret
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE

__all__ = ["environment_secret"]


def environment_secret(secret: Secret) -> str:
    """A line of the file that systemd's ``EnvironmentFile`` names; also what ``export`` takes, for ``envsubst``."""
    return f"{PROXY_SECRET_VARIABLE}={secret.reveal()}\n"
