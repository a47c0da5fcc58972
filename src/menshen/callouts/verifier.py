"""The team's own accounts: a service of theirs says whose username and password these are.

It is sent ``{"username", "password", "app", "platform", "appid"}`` and answers ``{"account": "E10086"}``, the business
user id, or ``{"account": null}`` where there is no such account or the password is wrong. Which of the two it is must
not be told, so it is not asked.
"""

from __future__ import annotations

import re

import msgspec

from menshen.callouts.calling import Callouts, asked
from menshen.config.snapshot import App
from menshen.config.user_rules import Callout
from menshen.errors import VerifierUnavailable
from menshen.platforms.base import Flow
from menshen.secret import Secret

__all__ = ["account_of", "verified_account"]

_account_id = re.compile(r"[!-~]{1,128}").fullmatch


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    account: str | None


async def verified_account(
    callouts: Callouts, verifier: Callout, username: str, password: Secret, app: App
) -> str | None:
    """The id of the account, None where username and password are not those of one. Raises ``VerifierUnavailable``."""
    flow = account_of(verifier, username, password, app, callouts.new_id(), callouts.clock())
    return await callouts.run(flow, VerifierUnavailable)


def account_of(verifier: Callout, username: str, password: Secret, app: App, id_: str, now: float) -> Flow[str | None]:
    """The same as a flow."""
    question = {
        "username": username,
        "password": password.reveal(),
        "app": app.name,
        "platform": app.platform,
        "appid": app.appid,
    }
    answer = yield from asked(verifier, question, _Answer, VerifierUnavailable, id_, now)
    if answer.account is not None and _account_id(answer.account) is None:
        raise VerifierUnavailable("the account's id is not 1 to 128 printable ASCII characters")
    return answer.account
