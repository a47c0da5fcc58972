"""Why a backend does not believe a request. The tree of the gateway's own errors is not for backends.

A body of these is never taken for a refusal of the gateway: it has neither its ``code`` nor its header.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = ["AssertionInvalid", "AssertionMissing", "BackendRefusal", "KeysUnavailable"]


class BackendRefusal(Exception):
    """``status`` is of HTTP. The text of the exception is for the log: it has no part of the assertion in it."""

    status: ClassVar[int]
    reason: ClassVar[str]
    message: ClassVar[str]

    @property
    def body(self) -> dict[str, str]:
        """What the client is told: no more than the class, for a forger would learn from more."""
        return {"reason": self.reason, "message": self.message}


class AssertionMissing(BackendRefusal):
    """No assertion, or an empty one, which is how the gateway says that nobody has logged in."""

    status = 401
    reason = "assertion_missing"
    message = "Log in first. 请先登录。"


class AssertionInvalid(BackendRefusal):
    """An assertion that this gateway did not make for this upstream and this minute. Logging in does not help."""

    status = 403
    reason = "assertion_invalid"
    message = "This request does not come from the gateway. 该请求并非来自网关。"


class KeysUnavailable(BackendRefusal):
    """The gateway's public keys cannot be had, so nobody can be believed. Trying again later may help."""

    status = 503
    reason = "keys_unavailable"
    message = "Callers cannot be verified now; try again later. 暂时无法验证调用者，请稍后重试。"
