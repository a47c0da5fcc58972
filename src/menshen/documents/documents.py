"""The document's life: read, accepted as a revision, exported, rolled back to.

A revision is kept as it was written, ``${ENV}`` references unresolved and literal AppSecrets sealed with the data
directory's master key. Values of the environment are taken when a revision is activated. It is kept as JSON, which is
read and written many times as fast as YAML; people are shown YAML.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from menshen.config.environment import redact, resolve_environment
from menshen.config.loading import Loaded, read_document, read_mapping
from menshen.config.sealing import map_secrets
from menshen.config.yamltext import dump_document, parse_yaml
from menshen.documents.changes import Change, changes_between
from menshen.documents.masking import MASK, SEALED_PREFIX, keep_secrets
from menshen.errors import ConfigInvalid, KeyRingInvalid, Problem
from menshen.gateway.plugin_loading import installed_types
from menshen.platforms.installed import installed_platforms
from menshen.secret import Secret
from menshen.storage.audit import AuditRow
from menshen.storage.revisions import Revision, Revisions
from menshen.storage.sealing import Sealer
from menshen.users.audit import AuditAction, audited

__all__ = ["EMPTY", "SEALED_PREFIX", "Documents", "as_written", "load_document", "unified"]

EMPTY: Final[Mapping[str, Any]] = {"version": 1}
"""What runs before the first revision."""

_MOST_PARTS = 100
"""That the audit log names of one change; the revisions have the rest."""

_LONGEST_COMMENT = 500


def load_document(text: str, env: Mapping[str, str]) -> Loaded:
    """A document that holds no sealed secrets. Raises ``ConfigInvalid`` with every problem."""
    platforms = installed_platforms()
    return read_document(
        text,
        env=env,
        plugin_types=platforms.plugin_types,
        platforms=platforms.adapters,
        app_keys=platforms.app_keys,
        broken=platforms.broken,
        types=installed_types(),
    )


def as_written(revision: Revision) -> Any:
    """The mapping that an operator wrote, its secrets sealed. Earlier versions of Menshen kept YAML."""
    if revision.document.startswith("{"):
        return msgspec.json.decode(revision.document)
    return parse_yaml(revision.document).value


def unified(old: Revision | None, new: Revision) -> str:
    """The two as YAML, as a unified diff. Secrets show as sealed, so that one is another does not show."""
    before = _stable(old) if old else []
    lines = difflib.unified_diff(
        before, _stable(new), f"revision {old.id if old else 0}", f"revision {new.id}", lineterm=""
    )
    return "\n".join(lines)


class Documents:
    """Revisions as documents. ``env`` resolves ``${NAME}``; ``clock`` gives Unix seconds."""

    def __init__(
        self, revisions: Revisions, sealer: Sealer, env: Mapping[str, str], clock: Callable[[], float]
    ) -> None:
        self.revisions = revisions
        self._sealer = sealer
        self._env = env
        self._clock = clock
        self._latest: tuple[int, Loaded] | None = None
        """The revision that was applied here last: it need not be read again to be run."""

    async def apply(self, text: str, *, author: str, comment: str = "") -> tuple[int, Loaded]:
        """Accept a document as the active revision; its number. An unchanged document makes no new revision.

        ``***`` for a secret is the one that the active revision has there. Raises ``ConfigInvalid``: nothing is stored,
        and what is active stays so.
        """
        active = await self.revisions.active()
        loaded = self.read(text, active)
        if active is not None and self._raw(active) == loaded.raw:
            return active.id, loaded
        return await self.store(loaded, active, author=author, comment=comment), loaded

    async def store(
        self, loaded: Loaded, before: Revision | None, *, author: str, comment: str, expected: int | None = None
    ) -> int:
        """Make a checked document the active revision, and write down who did it; its number.

        ``expected`` as :class:`Revisions` has it. Raises ``RevisionMoved``.
        """
        parts = [change.part for change in self.changes(before, loaded.raw)]
        now = self._clock()

        def written(number: int) -> Sequence[AuditRow]:
            detail = {"revision": number, "parts": parts[:_MOST_PARTS], "more": max(0, len(parts) - _MOST_PARTS)}
            return [audited(AuditAction.CONFIG_CHANGE, "", author, now, **detail)]

        stored = msgspec.json.encode(map_secrets(loaded.raw, self._seal)).decode()
        number = await self.revisions.add(
            stored, author=author, comment=comment, now=now, expected=expected, written=written
        )
        self._latest = (number, loaded)
        return number

    async def is_last_of(self, author: str, text: str) -> bool:
        """Whether this is what ``author`` applied last, whatever is active now. Raises ``ConfigInvalid``."""
        last = await self.revisions.last(author=author)
        loaded = self.read(text, last)
        return last is not None and self._raw(last) == loaded.raw

    async def rollback(self, number: int, *, author: str, comment: str = "", expected: int | None = None) -> Loaded:
        """Activate an older revision, if it holds here and now, and write down who did it, and why.

        Raises ``RevisionUnknown``, ``RevisionMoved`` or ``ConfigInvalid``.
        """
        loaded = self.load(await self.revisions.get(number))
        await self.reactivate(number, author=author, comment=comment, expected=expected)
        return loaded

    async def reactivate(
        self, number: int, *, author: str, comment: str = "", refused: str = "", expected: int | None = None
    ) -> None:
        """The same without a look at the document. Raises ``RevisionUnknown`` or ``RevisionMoved``.

        ``refused`` is why the revision that is active now cannot run, where that is the reason.
        """
        left, now = await self.revisions.active_id(), self._clock()
        told = {"comment": comment[:_LONGEST_COMMENT], "refused": refused[:_LONGEST_COMMENT]}
        detail = {"revision": number, "instead_of": left or 0, **{key: text for key, text in told.items() if text}}
        row = audited(AuditAction.CONFIG_ROLLBACK, "", author, now, **detail)
        await self.revisions.activate(number, author=author, now=now, expected=expected, written=lambda _: [row])

    def load(self, revision: Revision) -> Loaded:
        """A stored revision, opened and checked again: the environment may have changed since.

        One that was applied by this very program a moment ago was checked then.
        """
        if self._latest is not None and self._latest[0] == revision.id:
            return self._latest[1]
        return self.check(self.opened(revision))

    def check(self, raw: Mapping[str, Any]) -> Loaded:
        """A mapping whose secrets are open, as a checked document. Raises ``ConfigInvalid``."""
        platforms = installed_platforms()
        return read_mapping(
            raw,
            env=self._env,
            plugin_types=platforms.plugin_types,
            platforms=platforms.adapters,
            app_keys=platforms.app_keys,
            broken=platforms.broken,
            types=installed_types(),
        )

    def opened(self, revision: Revision) -> dict[str, Any]:
        """The mapping that was written, its secrets in the clear. Raises ``ConfigInvalid`` where they do not open."""
        return self._opened(as_written(revision))

    def changes(self, old: Revision | None, new: Mapping[str, Any] | Revision) -> tuple[Change, ...]:
        """What ``new`` says otherwise than ``old``. Secrets that do not open here are compared as they are sealed."""
        before = self._openable(old) if old else EMPTY
        return changes_between(before, self._openable(new) if isinstance(new, Revision) else new)

    async def diff(self, number: int) -> str:
        """What a revision changed against the one before it, as a unified diff. Secrets show as sealed."""
        new = await self.revisions.get(number)
        return unified(await self.revisions.last(below=number), new)

    def without_environment(self, raw: Mapping[str, Any]) -> Callable[[str], str]:
        """Makes texts about a document that may quote what a variable holds into such with ``${NAME}`` there."""
        used = resolve_environment(raw, self._env).used
        return lambda text: redact([Problem("", text)], used)[0].message

    def read(self, text: str, kept: Revision | None) -> Loaded:
        """A document as an operator writes or exports it, checked and not stored; its ``***`` are secrets of ``kept``.

        Raises ``ConfigInvalid``.
        """
        if SEALED_PREFIX not in text and MASK not in text:
            return load_document(text, self._env)
        parsed = parse_yaml(text)
        if not parsed.whole or parsed.problems or not isinstance(parsed.value, Mapping):
            raise ConfigInvalid(parsed.problems or (Problem("", "not a mapping", "不是映射"),))
        back = keep_secrets(self._opened(parsed.value), self._raw(kept) if kept else EMPTY, left_out=False)
        if back.problems:
            raise ConfigInvalid(back.problems)
        return self.check(back.raw)

    def _raw(self, revision: Revision) -> Any:
        if self._latest is not None and self._latest[0] == revision.id:
            return self._latest[1].raw
        return self.opened(revision)

    def _openable(self, revision: Revision) -> Any:
        try:
            return self._raw(revision)
        except ConfigInvalid:
            return as_written(revision)

    def _opened(self, raw: Any) -> dict[str, Any]:
        try:
            return map_secrets(raw, self._unseal)
        except KeyRingInvalid:
            raise ConfigInvalid(
                [
                    Problem(
                        "apps", "a sealed secret was sealed in another data directory", "密封的密钥来自另一个数据目录"
                    )
                ]
            ) from None

    def _seal(self, secret: str) -> str:
        return SEALED_PREFIX + self._sealer.seal(Secret(secret))

    def _unseal(self, secret: str) -> str:
        if not secret.startswith(SEALED_PREFIX):
            return secret
        return self._sealer.unseal(secret.removeprefix(SEALED_PREFIX)).reveal()


def _stable(revision: Revision) -> list[str]:
    """The lines of a document with its sealed texts blanked: sealing the same secret twice gives two texts."""
    blanked = map_secrets(as_written(revision), lambda _: "(sealed)")
    return dump_document(blanked).splitlines()
