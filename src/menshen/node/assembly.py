"""The parts of a worker, put together: what decides, what logs in, what serves the user API.

It opens no socket and starts no task, so that a test can have a worker without its process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from menshen.callouts.calling import Callouts
from menshen.callouts.sms import SmsSender
from menshen.config.snapshot import Snapshot
from menshen.figures.counting import Counts
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.account_binding import AccountBinding
from menshen.gateway.account_check import AccountCheck
from menshen.gateway.assertion import Asserter
from menshen.gateway.bearers import Bearers
from menshen.gateway.binding import Bindings
from menshen.gateway.code_exchange import PlatformExchange
from menshen.gateway.codes import CodeBook
from menshen.gateway.component_tickets import COMPONENT_TICKET, ComponentTickets
from menshen.gateway.decide import route_table
from menshen.gateway.guard import LoginGuard
from menshen.gateway.guards import Guards
from menshen.gateway.hooks import Hooks
from menshen.gateway.identity import Identities
from menshen.gateway.issue import Issuer
from menshen.gateway.login import Login
from menshen.gateway.open_data import OpenData
from menshen.gateway.own_sessions import OwnSessions
from menshen.gateway.password_reset import PasswordReset
from menshen.gateway.phone import PhoneFlows
from menshen.gateway.phone_telling import PhoneTelling
from menshen.gateway.plugin_steps import RoutePlugins
from menshen.gateway.proofs import CodeExchange, LoginChecks
from menshen.gateway.shown_user import ShownUsers
from menshen.gateway.traced import TracedExchange
from menshen.platforms.client import PlatformClient
from menshen.sessions.claims import RandomBytes, SessionClaims, new_id
from menshen.sessions.keys import KeyRings, assertion_keys, refresh_keys, sealed_keys, signed_keys
from menshen.sessions.loading import ReferenceLoader
from menshen.sessions.records import SessionRecords
from menshen.sessions.reference import References
from menshen.sessions.refresh import RefreshTokens
from menshen.sessions.revocation import Revocations
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.seen import SeenLog
from menshen.sessions.signed import SignedSessions
from menshen.sessions.states import States
from menshen.spans import NO_SPANS, Spans
from menshen.storage.database import Database
from menshen.storage.digests import KeyedDigest
from menshen.storage.sealing import Sealer
from menshen.storage.session_rows import GRACE
from menshen.users.accounts import OwnAccounts
from menshen.users.avatars import Avatars
from menshen.users.life import UserLife
from menshen.users.limits import Limits
from menshen.users.lockouts import Lockouts
from menshen.users.passwords import Passwords
from menshen.users.phones import PhoneNumbers
from menshen.users.pool import UserPool
from menshen.users.profiles import Profiles
from menshen.users.sms_codes import SmsCodes
from menshen.web.authorization import AuthorizationEndpoint, BrainState
from menshen.web.brain import Brain
from menshen.web.user_api.dispatch import UserApi
from menshen.web.user_api.table import Served, endpoints

__all__ = ["AVATARS", "Parts", "assembled", "brain_state", "following_state"]

PluginsOf = Callable[[tuple[Snapshot, ...]], Mapping[str, RoutePlugins]]
"""The plugins of the installation's own types, of every route that has some, by Envoy's stamp."""

AVATARS = "avatars"
"""Directory of the data directory."""


@dataclass(frozen=True, slots=True)
class Parts:
    """``brain`` is served; it answers once ``authorization.state`` is there."""

    brain: Brain
    authorization: AuthorizationEndpoint
    records: SessionRecords
    revocations: Revocations
    references: References
    seen: SeenLog
    counts: Counts


def assembled(
    database: Database,
    master_key: bytes,
    data_dir: Path,
    client: PlatformClient,
    hooks: Hooks,
    clock: Callable[[], float],
    random: RandomBytes,
    platforms: CodeExchange | None = None,
    checkers: PlatformClient | None = None,
    spans: Spans = NO_SPANS,
) -> Parts:
    """``clock`` gives Unix seconds, ``random`` OS randomness. ``platforms`` exchanges codes, else ``client`` does;
    the client's adapters are everybody's here.

    ``checkers`` calls the checkers of OAuth plugins, else ``client`` does that too.
    """
    counts = Counts()
    tickets = ComponentTickets(database, Sealer(master_key, COMPONENT_TICKET))
    tokens = AccessTokens(
        database, Sealer(master_key, "access-token"), client, clock, random, counts=counts, tickets=tickets
    )
    platforms = TracedExchange(platforms or PlatformExchange(client, tokens), spans, counts)
    records = SessionRecords(database, clock)
    revocations, references, seen = Revocations(), References(), SeenLog()
    loader = ReferenceLoader(references, records)

    def ended(claims: SessionClaims) -> None:
        revocations.end(claims.sid, int(clock()) + GRACE + max(claims.life, claims.exp - claims.iat))

    codes = CodeBook(database, Sealer(master_key, "code-outcome"), clock, random)
    session_keys = Sealer(master_key, "session-key")
    pool = UserPool(database, session_keys, lambda: f"u{new_id(random)}")
    issuer = Issuer(records, random)
    adapters = client.platforms
    bindings = Bindings(database, platforms, pool, codes, issuer, clock, adapters=adapters)

    callouts = Callouts(client, clock, random, spans)
    limits = Limits(database)
    guard = LoginGuard(limits, KeyedDigest(master_key, "login-limit"), callouts)
    accounts = OwnAccounts(database, Passwords(random), clock)
    account_check = AccountCheck(accounts, Lockouts(database, KeyedDigest(master_key, "account-failures")), callouts)

    open_data = OpenData(database, session_keys, tokens, clock)
    phone_numbers = PhoneNumbers(master_key)
    sms = SmsCodes(database, KeyedDigest(master_key, "sms-code"), limits, SmsSender(callouts), random)
    phones = PhoneFlows(database, open_data, sms, phone_numbers, bindings, clock, adapters=adapters)

    guards = Guards(database, Callouts(checkers or client, clock, random, spans), clock)
    checks = LoginChecks(guard, account_check, open_data, phones, hooks)
    login = Login(platforms, pool, codes, issuer, records, checks, clock, spans, counts, adapters=adapters)
    revoked = revocations.revoked
    users = ShownUsers(bindings, phone_numbers)
    authorization = AuthorizationEndpoint(
        guards, login, users, loader, revoked, seen, clock, spans=spans, counts=counts, adapters=adapters
    )

    profiles = Profiles(database)
    avatars = Avatars(data_dir / AVATARS, profiles, lambda: new_id(random))
    bearers = Bearers(loader, revocations.revoked)
    served = Served(
        bearers=bearers,
        sessions=OwnSessions(records, revocations.revoked, ended),
        logins=login,
        bindings=bindings,
        account_binding=AccountBinding(bindings, account_check, guard, clock),
        accounts=accounts,
        account_check=account_check,
        guard=guard,
        users=users,
        phone_numbers=phone_numbers,
        phones=phones,
        telling=PhoneTelling(platforms, codes, guard, phones, login, clock, adapters=adapters),
        sms=sms,
        resets=PasswordReset(database, phone_numbers, sms, accounts, account_check, bindings),
        profiles=profiles,
        avatars=avatars,
        life=UserLife(database, clock, avatars.erase),
        ended=ended,
        tickets=tickets,
    )
    user_api = UserApi(endpoints(served), bearers, lambda: authorization.state, clock, spans, counts)
    return Parts(Brain(authorization, user_api), authorization, records, revocations, references, seen, counts)


def brain_state(
    snapshots: tuple[Snapshot, ...],
    keys: KeyRings,
    references: References,
    random: RandomBytes,
    plugins: PluginsOf,
) -> BrainState:
    """What a worker decides with: ``snapshots`` are those that Envoy may still be running.

    ``plugins`` makes those of the installation's own types ready.
    """
    states = States(
        sealed=SealedSessions(sealed_keys(keys), random),
        signed=SignedSessions(signed_keys(keys)),
        references=references,
        refresh=RefreshTokens(refresh_keys(keys), random),
    )
    identities = Identities(Asserter(assertion_keys(keys)))
    return BrainState(route_table(snapshots), _by_checksum(snapshots), states, identities, plugins(snapshots))


def following_state(state: BrainState, snapshots: tuple[Snapshot, ...], plugins: PluginsOf) -> BrainState:
    """The same with other snapshots, and with the login states that it has opened already."""
    of_routes = plugins(snapshots)
    return replace(state, routes=route_table(snapshots), snapshots=_by_checksum(snapshots), plugins=of_routes)


def _by_checksum(snapshots: tuple[Snapshot, ...]) -> dict[str, Snapshot]:
    return {snapshot.checksum: snapshot for snapshot in snapshots}
