"""Binding and unbinding: what is bound, what is refused, and what both leave of sessions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

import pytest
from sqlalchemy import insert

from menshen.config.user_rules import AccountRules, Callout
from menshen.errors import (
    AccountTaken,
    AlreadyBound,
    CodeMalformed,
    CodeUsed,
    IdentityConflict,
    LastWayIn,
    NotBound,
    PhoneTaken,
    SessionRevoked,
    UserBanned,
)
from menshen.gateway.binding import Asking
from menshen.gateway.codes import LoggedIn
from menshen.secret import Secret
from menshen.storage.tables import accounts, codes, identities, phones
from menshen.users.entering import ProvenAccount
from menshen.users.phone_number import parse_phone
from tests.gateway.crowd import DOER, Crowd, on_crowd

NUMBER, OTHER = parse_phone("13580006666"), parse_phone("+442079460123")
STAFF = ProvenAccount("verifier", "staff-7", "Staff-7")


async def bind_code(crowd: Crowd, asking: Asking, code: str, app: str) -> LoggedIn:
    return await crowd.bindings.bind_identity(asking, crowd.plugin(app), code, time.time())


async def id_of(crowd: Crowd, uid: str, app: str) -> int:
    _, bound = await crowd.bindings.user(uid)
    return next(each.id for each in bound.identities if each.appid == crowd.plugin(app).app.appid)


def test_another_identity_is_bound_and_logs_in_as_the_same_user(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        bound = await bind_code(crowd, alice, crowd.code("alice", "qq"), "qq")
        assert bound.claims.sub == alice.uid
        assert (await crowd.comes("alice", "qq")).uid == alice.uid
        _, all_bound = await crowd.bindings.user(alice.uid)
        assert [each.platform for each in all_bound.identities] == ["wechat", "qq"]
        (event,) = await crowd.told("bind")
        assert '"reason":"identity"' in event.body
        assert '"app":"qq"' in event.body

    on_crowd(database_url, work)


def test_an_account_is_in_the_new_state_at_once_and_the_old_state_is_over(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        verifier = Callout("http://127.0.0.1:9/accounts", Secret("planted-verifier-secret"))
        crowd.users_rules(accounts=AccountRules(verifier=verifier))
        alice = await crowd.comes("alice")
        elsewhere = await crowd.comes("alice")
        bound = await crowd.bindings.bind_account(alice, STAFF)
        old, new = alice.bearer.claims, bound.claims
        assert (new.sub, new.account, new.openid, new.unionid) == (old.sub, "staff-7", old.openid, old.unionid)
        assert (await crowd.session(old.sid)).ended_why == "replaced"
        assert await crowd.live(alice.uid) == {new.sid, elsewhere.bearer.claims.sid}
        assert (await crowd.comes("alice")).bearer.claims.account == "staff-7"

    on_crowd(database_url, work)


def test_binding_again_what_is_bound_is_no_event_and_no_error(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        for _ in range(2):
            alice = crowd.asking(await crowd.bindings.bind_account(alice, STAFF))
            alice = crowd.asking(await crowd.bindings.bind_phone(alice, crowd.numbers.proven(NUMBER)))
            alice = crowd.asking(await bind_code(crowd, alice, crowd.code("alice", "qq"), "qq"))
        assert len(await crowd.told("bind")) == 3
        assert len(await crowd.live(alice.uid)) == 1

    on_crowd(database_url, work)


def test_what_another_user_has_is_refused_and_stays_his(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice, bob = await crowd.comes("alice"), await crowd.comes("bob")
        qq = await crowd.comes("carol", "qq")
        alice = crowd.asking(await crowd.bindings.bind_account(alice, STAFF))
        alice = crowd.asking(await crowd.bindings.bind_phone(alice, crowd.numbers.proven(NUMBER)))
        with pytest.raises(AccountTaken):
            await crowd.bindings.bind_account(bob, STAFF)
        with pytest.raises(PhoneTaken):
            await crowd.bindings.bind_phone(bob, crowd.numbers.proven(NUMBER))
        with pytest.raises(IdentityConflict) as refused:
            await bind_code(crowd, bob, crowd.code("carol", "qq"), "qq")
        assert {bob.uid, qq.uid} == set((refused.value.detail or "").split())
        assert await crowd.live(bob.uid) == {bob.bearer.claims.sid}
        _, bound = await crowd.bindings.user(bob.uid)
        assert (len(bound.identities), bound.account, bound.phone) == (1, None, None)

    on_crowd(database_url, work)


def test_one_account_and_one_number_a_user(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        alice = crowd.asking(await crowd.bindings.bind_account(alice, STAFF))
        alice = crowd.asking(await crowd.bindings.bind_phone(alice, crowd.numbers.proven(NUMBER)))
        with pytest.raises(AlreadyBound):
            await crowd.bindings.bind_account(alice, ProvenAccount("verifier", "staff-8", "staff-8"))
        with pytest.raises(AlreadyBound):
            await crowd.bindings.bind_phone(alice, crowd.numbers.proven(OTHER))
        assert [row.name for row in await crowd.rows(accounts)] == ["staff-7"]

    on_crowd(database_url, work)


def test_a_unionid_of_another_user_is_a_conflict_and_nothing_is_merged(database_url: str) -> None:
    """Carol is one person at two apps of one subject: what Alice would bind is Carol's already."""

    async def work(crowd: Crowd) -> None:
        alice, carol = await crowd.comes("alice"), await crowd.comes("carol")
        with pytest.raises(IdentityConflict):
            await bind_code(crowd, alice, crowd.code("carol", "mall"), "mall")
        assert len(await crowd.rows(identities)) == 2
        crowd.users_rules(match_unionid=False)
        alice = Asking(alice.bearer, alice.caller, crowd.rules)
        assert (await bind_code(crowd, alice, crowd.code("carol", "mall"), "mall")).claims.sub == alice.uid
        assert (await crowd.comes("carol", "mall")).uid == alice.uid
        assert (await crowd.comes("carol")).uid == carol.uid

    on_crowd(database_url, work)


def test_a_code_is_spent_by_a_binding_as_by_a_login(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        code = crowd.code("alice", "qq")
        bound = crowd.asking(await bind_code(crowd, alice, code, "qq"))
        with pytest.raises(CodeUsed):
            await bind_code(crowd, bound, code, "qq")
        with pytest.raises(CodeUsed):
            await crowd.enters("qq", code=code)
        refused = crowd.code("bob", "shop")
        await crowd.comes("bob")
        with pytest.raises(IdentityConflict):
            await bind_code(crowd, bound, refused, "shop")
        with pytest.raises(CodeUsed):
            await bind_code(crowd, bound, refused, "shop")
        assert crowd.emulator.calls("qq").codes[code] == 1

    on_crowd(database_url, work)


def test_a_code_sent_twice_at_once_is_exchanged_once(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        code, received = crowd.code("alice", "qq"), time.time()
        both = await asyncio.gather(
            *(p.bindings.bind_identity(alice, crowd.plugin("qq"), code, received) for p in crowd.processes * 3)
        )
        assert {each.claims for each in both} == {both[0].claims}
        assert crowd.emulator.calls("qq").codes == {code: 1}
        assert await crowd.live(alice.uid) == {both[0].claims.sid}

    on_crowd(database_url, work, processes=2)


def test_the_outcome_of_anothers_call_with_the_same_code_is_nothing_to_the_caller(database_url: str) -> None:
    """Who has seen Alice's code and sends it as she logs in gets no state of hers."""

    async def work(crowd: Crowd) -> None:
        mallory, code = await crowd.comes("mallory"), crowd.code("alice")
        logging_in = asyncio.create_task(crowd.enters(code=code))
        await asyncio.sleep(0)
        with pytest.raises(CodeUsed):
            await bind_code(crowd, mallory, code, "shop")
        assert (await logging_in).uid != mallory.uid

    on_crowd(database_url, work)


def test_what_no_platform_can_have_made_is_not_sent(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        for code in ("", "x&appid=other", "a" * 2000):
            with pytest.raises(CodeMalformed):
                await bind_code(crowd, alice, code, "qq")
        assert crowd.emulator.calls("qq").total == 0

    on_crowd(database_url, work)


@pytest.mark.parametrize("state", ["banned", "closed", "logged out"])
def test_who_may_no_more_binds_nothing_and_spends_nothing(database_url: str, state: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        sid = alice.bearer.claims.sid
        life = crowd.processes[0].life
        if state == "banned":
            await life.ban(alice.uid, DOER, reason="spam", until=0)
        elif state == "closed":
            await life.close(alice.uid, DOER, reason="")
        else:
            await crowd.processes[0].records.end([sid], "logout")
        kind = UserBanned if state == "banned" else SessionRevoked
        code = crowd.code("alice", "qq")
        calls: list[Awaitable[LoggedIn]] = [
            crowd.bindings.bind_account(alice, STAFF),
            crowd.bindings.bind_phone(alice, crowd.numbers.proven(NUMBER)),
            crowd.bindings.unbind_account(alice),
        ]
        if state != "logged out":
            calls.append(bind_code(crowd, alice, code, "qq"))
        for call in calls:
            with pytest.raises(kind):
                await call
        assert await crowd.live(alice.uid) == set()
        assert await crowd.rows(phones) == []
        assert await crowd.rows(accounts) == []
        assert code not in crowd.emulator.calls("qq").codes

    on_crowd(database_url, work)


def test_an_ended_session_does_not_come_back_as_another(database_url: str) -> None:
    """It was ended since it was checked; whoever holds it must not make a good one of it (attack class 27)."""

    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        await crowd.processes[0].records.end_app("wechat", "wx1")
        with pytest.raises(SessionRevoked):
            await crowd.bindings.bind_account(alice, STAFF)
        bob = await crowd.comes("bob", "qq")
        await crowd.bindings.bind_account(bob, STAFF)
        with pytest.raises(SessionRevoked):
            await crowd.bindings.unbind_account(bob)
        assert len(await crowd.live(bob.uid)) == 1

    on_crowd(database_url, work)


def test_unbinding_an_identity_ends_what_carries_it_and_no_more(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        alice = crowd.asking(await bind_code(crowd, alice, crowd.code("alice", "qq"), "qq"))
        with_qq = [await crowd.comes("alice", "qq") for _ in range(2)]
        other = await crowd.comes("bob", "qq")
        id_ = await id_of(crowd, alice.uid, "qq")
        left = await crowd.bindings.unbind_identity(alice, id_)
        assert await crowd.live(alice.uid) == {left.claims.sid}
        assert {(await crowd.session(each.bearer.claims.sid)).ended_why for each in with_qq} == {"unbound"}
        assert len(await crowd.live(other.uid)) == 1
        assert left.claims.openid == alice.bearer.claims.openid
        again = await crowd.comes("alice", "qq")
        assert again.uid != alice.uid
        with pytest.raises(NotBound):
            await crowd.bindings.unbind_identity(crowd.asking(left), id_)
        (event,) = await crowd.told("unbind")
        assert all(part in event.body for part in ('"reason":"identity"', '"app":"qq"', '"platform":"qq"'))

    on_crowd(database_url, work)


def test_who_unbinds_the_identity_he_came_with_stays_in_without_it(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        alice = crowd.asking(await crowd.bindings.bind_account(alice, STAFF))
        verifier = Callout("http://127.0.0.1:9/accounts", Secret("planted-verifier-secret"))
        crowd.users_rules(accounts=AccountRules(verifier=verifier))
        alice = Asking(alice.bearer, alice.caller, crowd.rules)
        left = await crowd.bindings.unbind_identity(alice, await id_of(crowd, alice.uid, "shop"))
        assert (left.claims.sub, left.claims.openid, left.claims.unionid) == (alice.uid, "", "")
        assert left.claims.account == "staff-7"
        assert await crowd.live(alice.uid) == {left.claims.sid}
        # And who came without one has it as soon as he binds it.
        back = await bind_code(crowd, crowd.asking(left), crowd.code("alice"), "shop")
        assert back.claims.openid == alice.bearer.claims.openid
        assert back.claims.unionid == alice.bearer.claims.unionid

    on_crowd(database_url, work)


def test_unbinding_an_account_ends_what_carries_it_and_frees_it(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        own = crowd.processes[0].accounts
        registered = await own.add(crowd.rules.users.accounts, "ming", Secret("a long passphrase 1"), by="test")
        alice, before = await crowd.comes("alice"), await crowd.comes("alice")
        alice = crowd.asking(await crowd.bindings.bind_account(alice, registered))
        after = await crowd.comes("alice")
        left = await crowd.bindings.unbind_account(alice)
        assert left.claims.account == ""
        assert await crowd.live(alice.uid) == {left.claims.sid, before.bearer.claims.sid}
        assert (await crowd.session(after.bearer.claims.sid)).ended_why == "unbound"
        (row,) = await crowd.rows(accounts)
        assert (row.name, row.uid) == ("ming", None)
        bob = await crowd.comes("bob")
        assert (await crowd.bindings.bind_account(bob, registered)).claims.account == "ming"
        with pytest.raises(NotBound):
            await crowd.bindings.unbind_account(crowd.asking(left))

    on_crowd(database_url, work)


def test_of_an_account_of_the_verifiers_nothing_is_left(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = crowd.asking(await crowd.bindings.bind_account(await crowd.comes("alice"), STAFF))
        await crowd.bindings.unbind_account(alice)
        assert await crowd.rows(accounts) == []

    on_crowd(database_url, work)


def test_unbinding_a_number_ends_the_sessions_that_it_may_have_opened(database_url: str) -> None:
    """The number may be somebody else's tomorrow."""

    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        alice = crowd.asking(await crowd.bindings.bind_phone(alice, crowd.numbers.proven(NUMBER)))
        code = await crowd.sms_code(NUMBER, "login")
        by_text = await crowd.enters(how="sms", phone=NUMBER.e164, sms_code=code)
        assert by_text.uid == alice.uid
        left = await crowd.bindings.unbind_phone(alice)
        assert await crowd.live(alice.uid) == {left.claims.sid}
        assert (await crowd.session(by_text.bearer.claims.sid)).ended_why == "unbound"
        assert await crowd.rows(phones) == []
        with pytest.raises(NotBound):
            await crowd.bindings.unbind_phone(crowd.asking(left))
        bob = await crowd.comes("bob")
        await crowd.bindings.bind_phone(bob, crowd.numbers.proven(NUMBER))

    on_crowd(database_url, work)


def test_the_last_way_in_is_never_unbound(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        id_ = await id_of(crowd, alice.uid, "shop")
        with pytest.raises(LastWayIn):
            await crowd.bindings.unbind_identity(alice, id_)
        # An account of a verifier that the rules do not have leads nowhere.
        alice = crowd.asking(await crowd.bindings.bind_account(alice, STAFF))
        with pytest.raises(LastWayIn):
            await crowd.bindings.unbind_identity(alice, id_)
        alice = crowd.asking(await crowd.bindings.bind_phone(alice, crowd.numbers.proven(NUMBER)))
        alice = crowd.asking(await crowd.bindings.unbind_identity(alice, id_))
        with pytest.raises(LastWayIn):
            await crowd.bindings.unbind_phone(alice)
        code = await crowd.sms_code(NUMBER, "login")
        assert (await crowd.enters(how="sms", phone=NUMBER.e164, sms_code=code)).uid == alice.uid

    on_crowd(database_url, work)


def test_a_number_is_no_way_in_where_nobody_logs_in_by_number(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        alice = crowd.asking(await crowd.bindings.bind_phone(alice, crowd.numbers.proven(NUMBER)))
        id_ = await id_of(crowd, alice.uid, "shop")
        for rules, refused in (
            ({"sms": None, "phone_owned": "refuse"}, True),
            ({"sms": None, "phone_owned": "sign_in"}, False),
        ):
            crowd.users_rules(**rules)
            asking = Asking(alice.bearer, alice.caller, crowd.rules)
            if refused:
                with pytest.raises(LastWayIn):
                    await crowd.bindings.unbind_identity(asking, id_)
            else:
                await crowd.bindings.unbind_identity(asking, id_)

    on_crowd(database_url, work)


def test_an_identity_of_an_app_that_is_gone_is_no_way_in(database_url: str) -> None:
    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        async with crowd.database.writing() as connection:
            row = {"uid": alice.uid, "platform": "wechat", "appid": "wx-gone", "openid": "o", "unionid": ""}
            row |= {"sealed_session_key": "", "created_at": 1, "last_login_at": 1}
            await connection.execute(insert(identities), [row])
        _, bound = await crowd.bindings.user(alice.uid)
        here, gone = bound.identities
        with pytest.raises(LastWayIn):
            await crowd.bindings.unbind_identity(alice, here.id)
        await crowd.bindings.unbind_identity(alice, gone.id)
        assert len(await crowd.rows(identities)) == 1

    on_crowd(database_url, work)


@pytest.mark.parametrize("id_", [0, -1, 10**30])
def test_nobody_unbinds_what_is_anothers_or_nobodys(database_url: str, id_: int) -> None:
    async def work(crowd: Crowd) -> None:
        alice, bob = await crowd.comes("alice"), await crowd.comes("bob")
        theirs = await id_of(crowd, bob.uid, "shop")
        for wanted in (id_, theirs):
            with pytest.raises(NotBound):
                await crowd.bindings.unbind_identity(alice, wanted)
        assert len(await crowd.rows(identities)) == 2
        assert await crowd.live(alice.uid) == {alice.bearer.claims.sid}

    on_crowd(database_url, work)


def test_a_session_key_goes_with_its_identity_and_no_code_is_kept_in_clear(database_url: str) -> None:
    """Attack class 44."""

    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        code = crowd.code("alice", "qq")
        alice = crowd.asking(await bind_code(crowd, alice, code, "qq"))
        assert len(await crowd.rows(identities)) == 2
        await crowd.bindings.unbind_identity(alice, await id_of(crowd, alice.uid, "qq"))
        (row,) = await crowd.rows(identities)
        assert row.platform == "wechat"
        assert code not in repr(await crowd.rows(codes))

    on_crowd(database_url, work)


def test_one_refusal_in_a_transaction_leaves_the_others_alone(database_url: str) -> None:
    """Twenty at once share a transaction or two; every second one wants what is Alice's."""

    async def work(crowd: Crowd) -> None:
        alice = await crowd.comes("alice")
        await crowd.bindings.bind_account(alice, STAFF)
        others = [await crowd.comes(f"user-{n}") for n in range(20)]
        wanted = [STAFF if n % 2 else ProvenAccount("verifier", f"own-{n}", f"own-{n}") for n in range(20)]
        answers = await asyncio.gather(
            *(crowd.bindings.bind_account(asking, account) for asking, account in zip(others, wanted, strict=True)),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [LoggedIn, AccountTaken] * 10

    on_crowd(database_url, work)
