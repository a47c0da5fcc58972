"""Keys at the console: what there is, a new one first, an old one out. No key itself is ever shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import get_args

from starlette.responses import Response

from menshen.errors import KeyRingInvalid
from menshen.operators.key_desk import KeyDesk
from menshen.operators.roles import Scope
from menshen.sessions.keys import Purpose, SigningAlgorithm
from menshen.web.console.language import sentence
from menshen.web.console.people.asked import clean
from menshen.web.console.people.users import Problem
from menshen.web.console.people.words import PURPOSES
from menshen.web.console.view import View, Visit

__all__ = ["KEYS", "key_views"]

KEYS = "/console/keys"
_DAY = 86_400


def key_views(desk: KeyDesk, clock: Callable[[], float] = time.time) -> list[View]:
    """The page and its two buttons."""

    async def page(visit: Visit, problem: Problem | None = None) -> Response:
        now = clock()
        try:
            keys = await desk.listed()
        except KeyRingInvalid as error:
            keys, problem = [], problem or Problem(sentence("The key files cannot be read."), str(error))
        rings = {purpose: [key for key in keys if key.purpose == purpose] for purpose in PURPOSES}
        days = {key.kid: int(max(0, now - key.made_at) // _DAY) for key in keys if key.made_at}
        return visit.page(
            "people/keys.html", 422 if problem else 200, rings=rings, days=days, purposes=PURPOSES, problem=problem
        )

    async def listed(visit: Visit) -> Response:
        return await page(visit)

    async def rotated(visit: Visit) -> Response:
        purposes: tuple[Purpose, ...] = get_args(Purpose)
        purpose = next((each for each in purposes if each == visit.words["purpose"]), None)
        if purpose is None:
            return visit.trouble(404, sentence("There is no such thing"))
        algorithms: tuple[SigningAlgorithm, ...] = get_args(SigningAlgorithm)
        algorithm = next((each for each in algorithms if each == visit.form.get("algorithm")), None)
        try:
            await desk.rotate(purpose, visit.who.name, algorithm if purpose == "signed" else None)
        except KeyRingInvalid as error:
            return await page(visit, Problem(sentence("That cannot be done."), str(error)))
        return visit.go(KEYS, sentence("A new key comes first from now on."))

    async def retired(visit: Visit) -> Response:
        try:
            await desk.retire(clean(visit.words["kid"]), visit.who.name)
        except KeyRingInvalid as error:
            return await page(visit, Problem(sentence("That cannot be done."), str(error)))
        return visit.go(KEYS, sentence("The key is retired."))

    return [
        View("GET", KEYS, Scope.KEYS_READ, listed),
        View("POST", f"{KEYS}/{{purpose}}/rotate", Scope.KEYS_WRITE, rotated),
        View("POST", f"{KEYS}/{{kid}}/retire", Scope.KEYS_WRITE, retired),
    ]
