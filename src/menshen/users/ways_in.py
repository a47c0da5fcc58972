"""The ways in that a user has, so that the last one is never taken from him."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

__all__ = ["DoorsOpen", "WaysIn"]


@dataclass(frozen=True, slots=True)
class DoorsOpen:
    """The ways in that this installation offers at present.

    ``apps`` are those with a login plugin, as (platform, appid); ``accounts`` the source of accounts that passwords are
    checked against; ``phone`` whether a number finds its user, by text message or through a platform.
    """

    apps: Set[tuple[str, str]]
    accounts: str
    phone: bool


@dataclass(frozen=True, slots=True)
class WaysIn:
    """What is bound to a user. ``identities`` maps the id of each to its (platform, appid); ``account`` is a source."""

    identities: dict[int, tuple[str, str]]
    account: str = ""
    phone: bool = False

    def without(self, *, identity: int | None = None, account: bool = False, phone: bool = False) -> WaysIn:
        """What is left when these are unbound."""
        return WaysIn(
            {id_: app for id_, app in self.identities.items() if id_ != identity},
            "" if account else self.account,
            self.phone and not phone,
        )

    def open(self, doors: DoorsOpen) -> bool:
        """Whether one of them leads in. An identity of an app that is gone from the document does not."""
        return (
            any(app in doors.apps for app in self.identities.values())
            or (self.account != "" and self.account == doors.accounts)
            or (self.phone and doors.phone)
        )
