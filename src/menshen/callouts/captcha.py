"""The team's check of captchas: whether what the client sent solves one.

It is sent ``{"captcha", "ip", "app"}`` and answers ``{"passed": true}`` or ``{"passed": false}``. That each captcha
counts once is its business: the gateway does not know what is in it.
"""

from __future__ import annotations

import msgspec

from menshen.callouts.calling import Callouts, asked
from menshen.config.snapshot import App
from menshen.config.user_rules import Callout
from menshen.errors import CaptchaUnavailable
from menshen.platforms.base import Flow

__all__ = ["captcha_passes", "captcha_solved"]


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    passed: bool


async def captcha_solved(callouts: Callouts, check: Callout, captcha: str, ip: str, app: App) -> bool:
    """Raises ``CaptchaUnavailable``."""
    flow = captcha_passes(check, captcha, ip, app, callouts.new_id(), callouts.clock())
    return await callouts.run(flow, CaptchaUnavailable)


def captcha_passes(check: Callout, captcha: str, ip: str, app: App, id_: str, now: float) -> Flow[bool]:
    """The same as a flow."""
    question = {"captcha": captcha, "ip": ip, "app": app.name}
    answer = yield from asked(check, question, _Answer, CaptchaUnavailable, id_, now)
    return answer.passed
