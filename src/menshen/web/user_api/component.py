"""Where WeChat pushes to third-party platforms, and where a team that has a receiver already sends a copy of it.

What is proved is that a push is WeChat's, so no login state is asked for; ``success`` is all that WeChat may hear.
"""

from __future__ import annotations

from collections.abc import Sequence

from menshen.errors import (
    AmbiguousCredential,
    BodyMalformed,
    NoSuchRoute,
    SignatureInvalid,
    SignatureMissing,
    SignatureStale,
)
from menshen.gateway.answer import Answer
from menshen.gateway.component_tickets import ComponentTickets
from menshen.platforms.wechat_push import open_push
from menshen.web.user_api.call import Call
from menshen.web.user_api.endpoint import Endpoint

__all__ = ["component_endpoints"]

_SUCCESS = Answer(False, 200, [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")], b"success")


def component_endpoints(tickets: ComponentTickets) -> Sequence[Endpoint]:
    """``POST wechat/component/NAME``."""

    async def pushed(call: Call, _: None) -> Answer:
        component = next((each for each in call.snapshot.components if each.name == call.rest), None)
        if component is None:
            raise NoSuchRoute
        push = open_push(component, call.request.query, call.request.body or b"", call.now)
        if push.ticket:
            await tickets.keep(component, push.ticket, push.made_at, call.now)
        return _SUCCESS

    refuses = (AmbiguousCredential, BodyMalformed, NoSuchRoute, SignatureInvalid, SignatureMissing, SignatureStale)
    return [
        Endpoint(
            "POST",
            "wechat/component/",
            "What WeChat pushes to a third-party platform, by its name",
            pushed,
            "nothing",
            "xml",
            None,
            refuses,
        ),
    ]
