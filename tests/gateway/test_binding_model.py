"""Long runs of bindings and unbindings against a model of them: every answer and everything that is left must agree."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

import pytest

from menshen.errors import AccountTaken, AlreadyBound, IdentityConflict, LastWayIn, NotBound, PhoneTaken, Refusal
from menshen.gateway.binding import Asking
from menshen.gateway.codes import LoggedIn
from menshen.secret import Secret
from menshen.storage.bindings import find_bound
from menshen.users.entering import ProvenAccount
from menshen.users.phone_number import parse_phone
from tests.gateway.crowd import Crowd, on_crowd

PEOPLE = ("ann", "ben", "cam", "dan")
APPS = ("shop", "qq")
NUMBERS = tuple(parse_phone(f"1358000000{n}") for n in range(3))
ACCOUNTS = tuple(ProvenAccount("own", f"staff-{n}", f"staff-{n}") for n in range(3))
STEPS = 80


@dataclass
class Model:
    """Whose everything is, by uid. Everything here is a way in: text messages are sent, passwords are compared."""

    identities: dict[tuple[str, str], str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)

    def ways(self, uid: str) -> int:
        return sum(list(owners.values()).count(uid) for owners in (self.identities, self.accounts, self.phones))

    def bind(self, owners: dict[str, str], thing: str, uid: str, taken: type[Refusal]) -> type[Refusal] | None:
        if uid in owners.values():
            return None if owners.get(thing) == uid else AlreadyBound
        if thing in owners:
            return taken
        owners[thing] = uid
        return None

    def bind_identity(self, identity: tuple[str, str], uid: str) -> type[Refusal] | None:
        return IdentityConflict if self.identities.setdefault(identity, uid) != uid else None

    def unbind(self, owners: dict[str, str], uid: str) -> type[Refusal] | None:
        mine = [thing for thing, owner in owners.items() if owner == uid]
        if not mine:
            return NotBound
        if self.ways(uid) == 1:
            return LastWayIn
        del owners[mine[0]]
        return None

    def unbind_identity(self, identity: tuple[str, str], uid: str) -> type[Refusal] | None:
        if self.identities.get(identity) != uid:
            return NotBound
        if self.ways(uid) == 1:
            return LastWayIn
        del self.identities[identity]
        return None


class Run:
    def __init__(self, crowd: Crowd, seed: int) -> None:
        self.crowd = crowd
        self.random = random.Random(seed)
        self.model = Model()
        self.askings: dict[str, Asking] = {}
        self.ids: dict[tuple[str, str], int] = {}
        self.openids: dict[tuple[str, str], str] = {}

    async def begin(self) -> None:
        for person in PEOPLE:
            for app in APPS:
                self.openids[person, app] = await self.crowd.openid(person, app)
            asking = await self.crowd.comes(person)
            self.askings[asking.uid] = asking
            self.model.identities[person, "shop"] = asking.uid
            await self.note_ids(asking.uid, person, "shop")
        for account in ACCOUNTS:
            accounts = self.crowd.processes[0].accounts
            await accounts.add(self.crowd.rules.users.accounts, account.name, Secret("a long passphrase"), by="test")

    async def step(self) -> None:
        uid = self.random.choice(list(self.askings))
        asking, crowd, model = self.askings[uid], self.crowd, self.model
        person, app = self.random.choice(PEOPLE), self.random.choice(APPS)
        number, account = self.random.choice(NUMBERS), self.random.choice(ACCOUNTS)
        bindings = self.random.choice(crowd.processes).bindings
        call: Awaitable[LoggedIn]
        match self.random.randrange(6):
            case 0:
                expected = model.bind_identity((person, app), uid)
                call = bindings.bind_identity(asking, crowd.plugin(app), crowd.code(person, app), time.time())
            case 1:
                expected = model.bind(model.accounts, account.name, uid, AccountTaken)
                call = bindings.bind_account(asking, account)
            case 2:
                expected = model.bind(model.phones, number.e164, uid, PhoneTaken)
                call = bindings.bind_phone(asking, crowd.numbers.proven(number))
            case 3:
                expected = model.unbind_identity((person, app), uid)
                call = bindings.unbind_identity(asking, self.ids.get((person, app), 0))
            case 4:
                expected = model.unbind(model.accounts, uid)
                call = bindings.unbind_account(asking)
            case _:
                expected = model.unbind(model.phones, uid)
                call = bindings.unbind_phone(asking)
        if expected is not None:
            with pytest.raises(expected):
                await call
        else:
            self.askings[uid] = crowd.asking(await call)
        await self.note_ids(uid, person, app)
        await self.agrees(uid)

    async def note_ids(self, uid: str, person: str, app: str) -> None:
        """An identity that is unbound and bound again has another id."""
        if self.model.identities.get((person, app)) == uid:
            async with self.crowd.database.reading() as connection:
                bound = await find_bound(connection, uid)
            openid = self.openids[person, app]
            self.ids[person, app] = next(each.id for each in bound.identities if each.openid == openid)

    async def agrees(self, uid: str) -> None:
        async with self.crowd.database.reading() as connection:
            bound = await find_bound(connection, uid)
        mine = {self.openids[identity] for identity, owner in self.model.identities.items() if owner == uid}
        assert {each.openid for each in bound.identities} == mine
        names = [name for name, owner in self.model.accounts.items() if owner == uid]
        assert ([bound.account.name] if bound.account else []) == names
        numbers = [number for number, owner in self.model.phones.items() if owner == uid]
        digests = [self.crowd.numbers.digest(parse_phone(number)) for number in numbers]
        assert ([bound.phone.digest] if bound.phone else []) == digests
        claims = self.askings[uid].bearer.claims
        assert await self.crowd.live(uid) == {claims.sid}
        assert claims.account == (bound.account.name if bound.account else "")
        assert claims.openid in mine | {""}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_answer_is_the_models(database_url: str, seed: int) -> None:
    async def work(crowd: Crowd) -> None:
        run = Run(crowd, seed)
        await run.begin()
        for _ in range(STEPS):
            await run.step()

    on_crowd(database_url, work, processes=2)
