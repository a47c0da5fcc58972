"""Login states of every kind behind one door: which kind a text is of, opening one, making one."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from menshen.config.login_rules import SessionKind
from menshen.config.snapshot import LoginPlugin
from menshen.config.tag_values import tag_value
from menshen.errors import SessionInvalid
from menshen.sessions.claims import SessionClaims
from menshen.sessions.lifetimes import renew_at
from menshen.sessions.reference import References, digest_of
from menshen.sessions.refresh import RefreshTokens
from menshen.sessions.sealed import SealedSessions
from menshen.sessions.signed import SignedSessions

__all__ = ["States", "kind_of"]

log = logging.getLogger("menshen.sessions")

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
    _left_out: set[tuple[str, str]] = field(default_factory=set, repr=False)

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
        """The state of the plugin's kind for these claims; for kind ``reference`` it is the id itself.

        Where they are too long for one, tags are left out, those first that the document ticks last: nobody is kept
        from logging in by a long name. Raises ``ValueError`` where it is too long without any.
        """
        rules = plugin.session
        if rules.kind == "signed":
            claims = replace(claims, tags=_for_envoy(plugin, claims))
        while True:
            try:
                return self._minted(plugin, claims, reference)
            except ValueError:
                if not claims.tags:
                    raise
                *kept, left_out = _by_tick(plugin, claims)
                claims = replace(claims, tags={name: claims.tags[name] for name in kept})
                self._tell(plugin.name, left_out)

    def _tell(self, plugin: str, tag: str) -> None:
        """Once, not at every login. Of the tag the name alone: its value is personal."""
        if (plugin, tag) not in self._left_out:
            self._left_out.add((plugin, tag))
            log.warning("tag_left_out", extra={"plugin": plugin, "tag": tag})

    def _minted(self, plugin: LoginPlugin, claims: SessionClaims, reference: str) -> str:
        rules = plugin.session
        match rules.kind:
            case "sealed":
                return self.sealed.mint(claims)
            case "signed":
                due = renew_at(claims, rules)
                return self.signed.mint(claims, disclose=rules.claims, renew_at=due, app=plugin.app.name)
            case "reference":
                return reference


def _for_envoy(plugin: LoginPlugin, claims: SessionClaims) -> dict[str, str]:
    """The tags of a state that Envoy reads. It puts a claim into a header as it is, so the account is there encoded."""
    tags = {name: value for name, value in claims.tags.items() if name != "account"}
    if "account" in plugin.identity_tags and "account" in plugin.session.claims:
        tags["account"] = tag_value(claims.account)
    return {name: value for name, value in tags.items() if value}


def _by_tick(plugin: LoginPlugin, claims: SessionClaims) -> list[str]:
    """The names of the tags, in the order of the document, then those that only another plugin ticks."""
    ticked = [name for name in plugin.identity_tags if name in claims.tags]
    return [*ticked, *(name for name in claims.tags if name not in ticked)]
