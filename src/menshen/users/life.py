"""The life of a user: active, banned, closed, made one with another.

Each change is one transaction with all that follows from it: the standing, the sessions that end, the row of the audit
log, the messages to webhooks. The user's row is locked (``lock_users``), so that a login at the same moment either
opened its session before, and loses it here, or finds the user banned.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from menshen.config.user_rules import WebhookRules
from menshen.errors import UserInvalid, UserUnknown
from menshen.storage.audit import write_audit
from menshen.storage.database import Database
from menshen.storage.erasing import erase_user
from menshen.storage.merging import Moved, find_overlap, move_user
from menshen.storage.revocations import in_order
from menshen.storage.session_endings import Ending, end_all
from menshen.storage.user_claims import change_user_claims
from menshen.storage.user_rows import UserRow, lock_users, set_metadata, set_standing
from menshen.users.audit import AuditAction, audited
from menshen.users.claims import changed_claims
from menshen.users.metadata import changed_metadata
from menshen.users.outbox import UserEvent, emit

__all__ = ["MOST_REASON", "Doer", "UserLife"]

Answer = TypeVar("Answer")

MOST_REASON = 200

_FARTHEST = 4_102_444_800
"""2100-01-01. A later date is a slip: milliseconds, most likely."""

_one_line = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*").fullmatch


@dataclass(frozen=True, slots=True)
class Doer:
    """Who does it, what for, and who is to be told. ``actor`` as for ``audited``; ``webhooks`` of the snapshot."""

    actor: str
    webhooks: Sequence[WebhookRules] = ()
    request_id: str = ""


class UserLife:
    """``clock`` gives Unix seconds; ``erase_avatar`` is that of ``Avatars``.

    Every method raises ``UserUnknown`` where there is no such user, ``UserInvalid`` where it cannot be done.
    """

    def __init__(
        self, database: Database, clock: Callable[[], float], erase_avatar: Callable[[str], Awaitable[None]]
    ) -> None:
        self._database = database
        self._clock = clock
        self._erase_avatar = erase_avatar

    async def ban(self, uid: str, by: Doer, *, reason: str = "", until: int = 0) -> int:
        """Let the user in no more, until then (Unix seconds, 0 is for ever); how many live sessions that ended.

        A user who is banned already is banned anew: the new reason and the new end count.
        """
        _check_reason(reason)
        now = self._clock()
        if until and not now < until < _FARTHEST:
            raise UserInvalid("the end of a ban is Unix seconds, to come, and before the year 2100")

        async def work(connection: AsyncConnection) -> int:
            await in_order(connection)
            await _open_user(connection, uid)
            await set_standing(connection, uid, "banned", reason, int(now), banned_until=until)
            [ended] = await end_all(connection, [Ending("banned", now, uid=uid)])
            row = audited(AuditAction.BAN, uid, by.actor, now, reason=reason, until=until, sessions=ended)
            await write_audit(connection, [row])
            await _tell(connection, "ban", uid, now, by, reason)
            return ended

        return await self._whole(work)

    async def unban(self, uid: str, by: Doer) -> None:
        """Let the user in again. Sessions that were ended stay so."""
        now = self._clock()

        async def work(connection: AsyncConnection) -> None:
            user = await _open_user(connection, uid)
            if user.status != "banned":
                raise UserInvalid(f"user {uid} is not banned")
            await set_standing(connection, uid, "active", "", int(now))
            await write_audit(connection, [audited(AuditAction.UNBAN, uid, by.actor, now)])

        await self._whole(work)

    async def close(self, uid: str, by: Doer, *, reason: str = "") -> int:
        """Erase the person and end every session; how many of those were live. Nothing brings the user back.

        The identities are free: whoever logs in with one of them is a new user.
        """
        _check_reason(reason)
        now = self._clock()

        async def work(connection: AsyncConnection) -> tuple[str, int]:
            await in_order(connection)
            user = await _open_user(connection, uid)
            await set_standing(connection, uid, "closed", reason, int(now))
            [ended] = await end_all(connection, [Ending("closed", now, uid=uid)])
            await erase_user(connection, uid)
            row = audited(AuditAction.CLOSE, uid, by.actor, now, reason=reason, sessions=ended)
            await write_audit(connection, [row])
            await _tell(connection, "close", uid, now, by, reason)
            return user.avatar, ended

        avatar, ended = await self._whole(work)
        if avatar:
            await self._erase_avatar(avatar)
        return ended

    async def merge(self, gone: str, stays: str, by: Doer) -> Moved:
        """Make one user of two: identities, account, phone number and references of ``gone`` go to ``stays``.

        Both must be active, and of account and phone number only one may have each. What ``gone`` said of himself, and
        his claims and metadata, are not taken over: a claim is a right, and nobody gets one by being merged. What a
        platform vouched for is: it is of the person.
        """
        if gone == stays:
            raise UserInvalid("a user is not merged into itself")
        now = self._clock()

        async def work(connection: AsyncConnection) -> tuple[str, Moved]:
            await in_order(connection)
            found = await lock_users(connection, {gone, stays})
            leaves = _active(found.get(gone), gone, now)
            remains = _active(found.get(stays), stays, now)
            overlap = await find_overlap(connection, gone, stays)
            for both, name in ((overlap.account, "an account"), (overlap.phone, "a phone number")):
                if both:
                    raise UserInvalid(f"both users have {name}: unbind one of them first")
            moved = await move_user(connection, leaves, remains, now)
            detail = asdict(moved)
            rows = [
                audited(AuditAction.MERGE, gone, by.actor, now, into=stays, **detail),
                audited(AuditAction.MERGE, stays, by.actor, now, gone=gone, **detail),
            ]
            await write_audit(connection, rows)
            await _tell(connection, "close", gone, now, by, f"merged into {stays}")
            return leaves.avatar, moved

        avatar, moved = await self._whole(work)
        if avatar:
            await self._erase_avatar(avatar)
        return moved

    async def set_metadata(self, uid: str, changes: Mapping[str, Any], by: Doer) -> dict[str, Any]:
        """Set these keys, take away those that are None; all of it afterwards."""
        now = self._clock()

        async def work(connection: AsyncConnection) -> dict[str, Any]:
            user = await _open_user(connection, uid)
            metadata = changed_metadata(user.metadata, changes)
            await set_metadata(connection, uid, metadata)
            # The names alone: what an operator notes of a person is personal.
            row = audited(AuditAction.METADATA, uid, by.actor, now, changed=sorted(changes))
            await write_audit(connection, [row])
            return metadata

        return await self._whole(work)

    async def set_claims(self, uid: str, changes: Mapping[str, str | None], by: Doer) -> dict[str, str]:
        """Set these claims, take away those that are None; all of them afterwards.

        Login states have them from the next login or refresh on. Written down, for backends give rights by them.
        Raises ``ClaimInvalid``, ``UserUnknown``, ``UserInvalid``.
        """
        now = self._clock()

        async def work(connection: AsyncConnection) -> dict[str, str]:
            await _open_user(connection, uid)
            claims = await change_user_claims(connection, uid, lambda known: changed_claims(known, changes))
            row = audited(AuditAction.CLAIMS, uid, by.actor, now, changed=sorted(changes))
            await write_audit(connection, [row])
            return claims or {}

        return await self._whole(work)

    async def _whole(self, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        """All of it or nothing. Shared with whatever else is to be written, and run again after a deadlock."""
        answer: Answer = await self._database.write(_each, work)
        return answer


async def _open_user(connection: AsyncConnection, uid: str) -> UserRow:
    """The user's row, locked. A closed one is never changed again."""
    user = (await lock_users(connection, [uid])).get(uid)
    if user is None:
        raise UserUnknown(f"there is no user {uid[:40]}")
    if user.status == "closed":
        raise UserInvalid(f"user {uid} is closed")
    return user


def _active(user: UserRow | None, uid: str, now: float) -> UserRow:
    if user is None:
        raise UserUnknown(f"there is no user {uid[:40]}")
    standing = user.standing(now)
    if standing != "active":
        # A ban must not be got rid of by a merge, nor fall on somebody who was not banned.
        raise UserInvalid(f"user {uid} is {standing}")
    return user


def _check_reason(reason: str) -> None:
    if len(reason) > MOST_REASON or not _one_line(reason):
        raise UserInvalid(f"a reason is one line of text, {MOST_REASON} characters at most")


async def _tell(
    connection: AsyncConnection, kind: Literal["ban", "close"], uid: str, now: float, by: Doer, reason: str
) -> None:
    event = UserEvent(kind, uid, int(now), request_id=by.request_id, reason=reason)
    await emit(connection, [event], by.webhooks)


async def _each(connection: AsyncConnection, works: Sequence[Callable[[AsyncConnection], Awaitable[Any]]]) -> list[Any]:
    return [await work(connection) for work in works]
