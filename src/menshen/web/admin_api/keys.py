"""Keys over HTTP, on the admin address: what there is, a new one first, an old one out. Never a key itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import get_args

import msgspec

from menshen.errors import KeyRingInvalid
from menshen.operators.key_desk import KeyDesk
from menshen.operators.roles import Scope
from menshen.sessions.keys import Purpose, SigningAlgorithm
from menshen.web.admin_api.endpoint import BadCall, Call, Endpoint

__all__ = ["key_endpoints"]

_PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


class Key(msgspec.Struct):
    """A key without its material. ``signs``: the first of its ring, by which new ones are made.

    ``made_at`` is Unix seconds, 0 if not known.
    """

    purpose: Purpose
    kid: str
    algorithm: str
    signs: bool
    made_at: int


class Keys(msgspec.Struct):
    """Ring by ring, the key that signs first."""

    keys: list[Key]


class _Rotation(msgspec.Struct, forbid_unknown_fields=True):
    """``algorithm`` is for purpose `signed` alone; without it the new key is as the one that signs now."""

    algorithm: SigningAlgorithm | None = None


class Rotated(msgspec.Struct):
    """The key that signs from now on."""

    purpose: Purpose
    kid: str


class Retired(msgspec.Struct):
    """What this key made is refused from now on."""

    purpose: Purpose
    kid: str


def key_endpoints(desk: KeyDesk) -> list[Endpoint]:
    """``GET /v1/keys``, ``POST /v1/keys/{purpose}/rotate`` and ``POST /v1/keys/{kid}/retire``."""

    async def listed(_: Call) -> Keys:
        try:
            return Keys([Key(**asdict(key)) for key in await desk.listed()])
        except KeyRingInvalid as error:
            raise BadCall(str(error), 409) from None

    async def rotated(call: Call) -> Rotated:
        body: _Rotation = call.body
        purpose = next((each for each in _PURPOSES if each == call.path["purpose"]), None)
        if purpose is None:
            raise BadCall(f"keys are for {', '.join(_PURPOSES)}", 404)
        try:
            return Rotated(purpose, await desk.rotate(purpose, call.principal.name, body.algorithm))
        except KeyRingInvalid as error:
            raise BadCall(str(error), 409) from None

    async def retired(call: Call) -> Retired:
        kid = call.path["kid"]
        try:
            return Retired(await desk.retire(kid, call.principal.name), kid)
        except KeyRingInvalid as error:
            raise BadCall(str(error), 409) from None

    read, write, rotate, retire = (
        Scope.KEYS_READ,
        Scope.KEYS_WRITE,
        "/v1/keys/{purpose}/rotate",
        "/v1/keys/{kid}/retire",
    )
    no = (404, 409)
    return [
        Endpoint("GET", "/v1/keys", "Every key, without its material", read, listed, answer=Keys, refuses=(409,)),
        Endpoint("POST", rotate, "A new key signs from now on", write, rotated, None, _Rotation, Rotated, no),
        Endpoint("POST", retire, "Take out a key that only verifies", write, retired, answer=Retired, refuses=no),
    ]
