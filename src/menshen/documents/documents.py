"""The document's life: read, accepted as a revision, exported, rolled back to.

A revision is kept as it was written, ``${ENV}`` references unresolved and literal AppSecrets sealed with the data
directory's master key. Values of the environment are taken when a revision is activated. It is kept as JSON, which is
read and written many times as fast as YAML; people are shown YAML.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from menshen.config.loading import Loaded, read_document, read_mapping
from menshen.config.sealing import map_secrets
from menshen.config.yamltext import dump_document, parse_yaml
from menshen.errors import ConfigInvalid, KeyRingInvalid, Problem
from menshen.gateway.plugin_loading import installed_types
from menshen.platforms.registry import PLATFORM_OF_PLUGIN, PLATFORMS
from menshen.secret import Secret
from menshen.storage.revisions import Revision, Revisions
from menshen.storage.sealing import Sealer

__all__ = ["SEALED_PREFIX", "Documents", "as_written", "load_document"]

SEALED_PREFIX = "sealed:v1:"


def load_document(text: str, env: Mapping[str, str]) -> Loaded:
    """A document that holds no sealed secrets. Raises ``ConfigInvalid`` with every problem."""
    return read_document(text, env=env, plugin_types=PLATFORM_OF_PLUGIN, platforms=PLATFORMS, types=installed_types())


def as_written(revision: Revision) -> Any:
    """The mapping that an operator wrote, its secrets sealed. Earlier versions of Menshen kept YAML."""
    if revision.document.startswith("{"):
        return msgspec.json.decode(revision.document)
    return parse_yaml(revision.document).value


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

        Raises ``ConfigInvalid``: nothing is stored, and what is active stays so.
        """
        loaded = self._load(text)
        active = await self.revisions.active()
        if active is not None and self._raw(active) == loaded.raw:
            return active.id, loaded
        stored = msgspec.json.encode(map_secrets(loaded.raw, self._seal)).decode()
        number = await self.revisions.add(stored, author=author, comment=comment, now=self._clock())
        self._latest = (number, loaded)
        return number, loaded

    async def is_last_of(self, author: str, text: str) -> bool:
        """Whether this is what ``author`` applied last, whatever is active now. Raises ``ConfigInvalid``."""
        loaded = self._load(text)
        last = next((r for r in await self.revisions.list() if r.author == author), None)
        return last is not None and self._raw(last) == loaded.raw

    async def rollback(self, number: int, *, author: str) -> Loaded:
        """Activate an older revision, if it holds here and now. Raises ``RevisionUnknown`` or ``ConfigInvalid``."""
        loaded = self.load(await self.revisions.get(number))
        await self.revisions.activate(number, author=author, now=self._clock())
        return loaded

    def load(self, revision: Revision) -> Loaded:
        """A stored revision, opened and checked again: the environment may have changed since.

        One that was applied by this very program a moment ago was checked then.
        """
        if self._latest is not None and self._latest[0] == revision.id:
            return self._latest[1]
        return self._load_mapping(as_written(revision))

    async def diff(self, number: int) -> str:
        """What a revision changed against the one before it, as a unified diff. Secrets show as sealed."""
        new = await self.revisions.get(number)
        old = next((r for r in await self.revisions.list() if r.id < number), None)
        before = _stable(old) if old else []
        lines = difflib.unified_diff(
            before, _stable(new), f"revision {old.id if old else 0}", f"revision {number}", lineterm=""
        )
        return "\n".join(lines)

    def _load(self, text: str) -> Loaded:
        if SEALED_PREFIX not in text:
            return load_document(text, self._env)
        parsed = parse_yaml(text)
        if not parsed.whole or parsed.problems or not isinstance(parsed.value, Mapping):
            raise ConfigInvalid(parsed.problems or (Problem("", "not a mapping", "不是映射"),))
        return self._load_mapping(parsed.value)

    def _load_mapping(self, raw: Mapping[str, Any]) -> Loaded:
        try:
            opened = self._opened(raw)
        except KeyRingInvalid:
            raise ConfigInvalid(
                [
                    Problem(
                        "apps", "a sealed secret was sealed in another data directory", "密封的密钥来自另一个数据目录"
                    )
                ]
            ) from None
        return read_mapping(
            opened, env=self._env, plugin_types=PLATFORM_OF_PLUGIN, platforms=PLATFORMS, types=installed_types()
        )

    def _raw(self, revision: Revision) -> Any:
        if self._latest is not None and self._latest[0] == revision.id:
            return self._latest[1].raw
        return self._opened(as_written(revision))

    def _opened(self, raw: Any) -> dict[str, Any]:
        return map_secrets(raw, self._unseal)

    def _seal(self, secret: str) -> str:
        return secret if secret.startswith(SEALED_PREFIX) else SEALED_PREFIX + self._sealer.seal(Secret(secret))

    def _unseal(self, secret: str) -> str:
        if not secret.startswith(SEALED_PREFIX):
            return secret
        return self._sealer.unseal(secret.removeprefix(SEALED_PREFIX)).reveal()


def _stable(revision: Revision) -> list[str]:
    """The lines of a document with its sealed texts blanked: sealing the same secret twice gives two texts."""
    blanked = map_secrets(as_written(revision), lambda _: "(sealed)")
    return dump_document(blanked).splitlines()
