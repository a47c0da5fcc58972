"""The table of the user API: every endpoint, in the order of its documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from menshen.gateway.account_binding import AccountBinding
from menshen.gateway.account_check import AccountCheck
from menshen.gateway.answer import Answer, answer_json
from menshen.gateway.bearers import Bearers
from menshen.gateway.binding import Bindings
from menshen.gateway.component_tickets import ComponentTickets
from menshen.gateway.guard import LoginGuard
from menshen.gateway.own_sessions import OwnSessions
from menshen.gateway.password_reset import PasswordReset
from menshen.gateway.phone import PhoneFlows
from menshen.gateway.phone_telling import PhoneTelling
from menshen.gateway.shown_user import ShownUsers
from menshen.users.accounts import OwnAccounts
from menshen.users.avatars import Avatars
from menshen.users.life import UserLife
from menshen.users.phones import PhoneNumbers
from menshen.users.profiles import Profiles
from menshen.users.sms_codes import SmsCodes
from menshen.web.user_api.authing.operations import graphql_endpoint
from menshen.web.user_api.authing.session import session_endpoints as authing_session_endpoints
from menshen.web.user_api.authing.social import social_endpoints
from menshen.web.user_api.authing.user import AuthingUsers
from menshen.web.user_api.avatar import avatar_endpoints
from menshen.web.user_api.bindings import binding_endpoints
from menshen.web.user_api.call import Call
from menshen.web.user_api.component import component_endpoints
from menshen.web.user_api.endpoint import Ended, Endpoint
from menshen.web.user_api.login import Enters, login_endpoints
from menshen.web.user_api.me import me_endpoints
from menshen.web.user_api.openapi import Carrier, carriers_of, described
from menshen.web.user_api.phone import phone_endpoints
from menshen.web.user_api.rebinding import Rebinding
from menshen.web.user_api.sessions import session_endpoints
from menshen.web.user_api.sms import sms_endpoints

__all__ = ["Served", "endpoints"]


@dataclass(frozen=True, slots=True)
class Served:
    """Everything that the endpoints are made of."""

    bearers: Bearers
    sessions: OwnSessions
    logins: Enters
    bindings: Bindings
    account_binding: AccountBinding
    accounts: OwnAccounts
    account_check: AccountCheck
    guard: LoginGuard
    users: ShownUsers
    phone_numbers: PhoneNumbers
    phones: PhoneFlows
    telling: PhoneTelling
    sms: SmsCodes
    resets: PasswordReset
    profiles: Profiles
    avatars: Avatars
    life: UserLife
    ended: Ended
    tickets: ComponentTickets


def endpoints(served: Served) -> Sequence[Endpoint]:
    """Every endpoint, ``openapi.json`` among them, which describes them all."""
    rebinding = Rebinding(served.sessions, served.ended)
    authing = AuthingUsers(served.bindings, served.users)
    of_api: list[Endpoint] = [
        *login_endpoints(served.logins),
        *sms_endpoints(served.sms, served.guard, served.resets),
        *session_endpoints(served.sessions, served.bearers),
        *me_endpoints(
            served.bindings,
            served.profiles,
            served.users,
            served.accounts,
            served.account_check,
            served.life,
            served.ended,
        ),
        *avatar_endpoints(served.bindings, served.avatars),
        *binding_endpoints(served.bindings, served.account_binding, served.phone_numbers, rebinding),
        *phone_endpoints(served.phones, rebinding),
        *social_endpoints(served.logins, served.telling, authing),
        graphql_endpoint(served.bearers, authing, served.profiles, served.avatars),
        *authing_session_endpoints(served.sessions, served.bearers, authing, served.avatars),
        *component_endpoints(served.tickets),
    ]

    @lru_cache(maxsize=8)
    def document(base: str, carriers: tuple[Carrier, ...]) -> dict[str, Any]:
        return described(of_api, base, carriers)

    async def openapi(call: Call, _: None) -> Answer:
        return answer_json(document(call.snapshot.listener.client_api, carriers_of(call.plugins)), [])

    of_api.append(Endpoint("GET", "openapi.json", "This document", openapi, "nothing", None, None))
    return of_api
