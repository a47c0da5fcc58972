"""What each framework's module asks: who calls, or how to answer a request that may not go on."""

from __future__ import annotations

import logging

from menshen.backend.caller import ANONYMOUS, Anonymous, Caller
from menshen.backend.headers import Headers
from menshen.backend.refusals import AssertionMissing, BackendRefusal
from menshen.backend.trusted_network import TrustedNetwork
from menshen.backend.verifier import Verifier

__all__ = ["Source", "who", "who_async"]

Source = Verifier | TrustedNetwork

_log = logging.getLogger("menshen.backend")


def who(source: Source, headers: Headers, *, optional: bool) -> Caller | Anonymous:
    """The caller; ``optional`` lets those through who have not logged in, and no forged assertion.

    Raises a ``BackendRefusal``, which is in the log by then.
    """
    try:
        return source.caller(headers)
    except BackendRefusal as refusal:
        return _nobody(refusal, optional)


async def who_async(source: Source, headers: Headers, *, optional: bool) -> Caller | Anonymous:
    """The same, for an event loop."""
    try:
        return await source.caller_async(headers)
    except BackendRefusal as refusal:
        return _nobody(refusal, optional)


def _nobody(refusal: BackendRefusal, optional: bool) -> Anonymous:
    if optional and isinstance(refusal, AssertionMissing):
        return ANONYMOUS
    _log.warning("refused: %s (%s)", refusal.reason, refusal)
    raise refusal
