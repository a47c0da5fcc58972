"""Login states of every kind behind one door: which kind a text is of, opening one, making one."""

from __future__ import annotations

from dataclasses import dataclass

from menshen.config.snapshot import LoginPlugin, SessionKind
from menshen.errors import SessionInvalid
from menshen.sessions.claims import SessionClaims
from menshen.sessions.lifetimes import renew_at
from menshen.sessions.reference import References, digest_of
from menshen.sessions.refresh import RefreshTokens
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.signed import SignedSessions

__all__ = ["States", "kind_of"]

_KIND_BY_DOTS: dict[int, SessionKind] = {4: "sealed", 2: "signed", 0: "reference"}


def kind_of(state: bytes) -> SessionKind:
    """The only kind that a text can be of: each has a number of parts of its own. Raises ``SessionInvalid``."""
    kind = _KIND_BY_DOTS.get(state.count(b"."))
    if kind is None:
        raise SessionInvalid("of no kind")
    return kind


@dataclass(frozen=True, slots=True)
class States:
    """What makes and opens states. The references outlive a change of keys, the others are made anew for it."""

    sealed: SealedSessions
    signed: SignedSessions
    references: References
    refresh: RefreshTokens

    def open(self, kind: SessionKind, state: bytes, now: float) -> SessionClaims | None:
        """The claims of a genuine state that is young enough; None where its record must be loaded first.

        Raises ``SessionInvalid`` for whatever we did not make and ``SessionExpired``. A state of another kind than the
        route's is not genuine there: who turns a plugin from ``sealed`` to ``signed`` does not want both.
        """
        match kind:
            case "sealed":
                return self.sealed.open(state, now)
            case "signed":
                return self.signed.open(state, now)
            case "reference":
                return self.references.get(state, now)

    def renewed(self, state: bytes, claims: SessionClaims) -> None:
        """A session lives on with these claims. A reference is the same text as before, so what is kept of it moves."""
        if b"." not in state:
            self.references.put(digest_of(state), claims)

    def mint(self, plugin: LoginPlugin, claims: SessionClaims, reference: str = "") -> str:
        """The state of the plugin's kind for these claims; for kind ``reference`` it is the id itself."""
        rules = plugin.session
        match rules.kind:
            case "sealed":
                return self.sealed.mint(claims)
            case "signed":
                due = renew_at(claims, rules)
                return self.signed.mint(claims, disclose=rules.claims, renew_at=due, app=plugin.app.name)
            case "reference":
                return reference
