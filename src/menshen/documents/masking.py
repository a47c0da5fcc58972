"""A document as it may be shown, and the way back: secrets are written and never read.

Whoever edits gets ``***`` for each literal secret, and gives back the mark, or nothing, for one that shall stay. A kept
secret stays where it is sent to as well: an operator who may edit an app but does not know its AppSecret could
otherwise point ``base_url`` at a server of his own and be sent it with the next login.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from menshen.config.environment import has_reference, is_reference
from menshen.config.sealing import SECRETS, map_at_secrets
from menshen.config.wording import Loc, render_path
from menshen.documents.parts import Json, Way, index_of, item_name
from menshen.errors import Problem
from menshen.secret import Secret

__all__ = ["MASK", "SEALED_PREFIX", "Kept", "keep_secrets", "mask", "mask_all"]

MASK: Final = Secret.MASK
SEALED_PREFIX: Final = "sealed:v1:"

_SENT_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "apps": ("platform", "appid", "base_url"),
    "components": ("appid", "base_url"),
    "webhooks": ("url",),
    "users": ("url",),
}
"""By section: the keys, beside a secret or above it, that say to whom it goes, or for whom it stands there."""

_STAND_IN: Final = "*" * 32
"""In the place of a secret that is not there, so that the rest of the document is checked too. Never stored."""

_SEALED = (
    "a sealed text is not taken here: write the secret itself, or *** to keep the one that is there",
    "此处不接受密封后的文本：请填写密钥本身，或填 *** 保留原密钥",
)
_NONE = ("there is no secret here that *** could keep: write it", "此处没有可保留的密钥，请填写密钥（不能填 ***）")


def mask(raw: Json) -> dict[str, Any]:
    """The document with ``***`` for every secret; a ``${NAME}`` reference is shown, and null is no secret."""
    return map_at_secrets(raw, lambda value: value if value is None or _is_reference(value) else MASK)


def mask_all(raw: Json) -> dict[str, Any]:
    """The same, with the mark in the place of references as well."""
    return map_at_secrets(raw, lambda value: value if value is None else MASK)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and is_reference(value)


@dataclass(frozen=True, slots=True)
class Kept:
    """A document with its secrets back in place, and what is wrong with those that were to be kept."""

    raw: dict[str, Any] = field(repr=False)
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Rules:
    renamed: Mapping[Way, Way]
    left_out: bool
    references: bool


def keep_secrets(
    new: Json,
    old: Json,
    renamed: Mapping[Way, Way] | None = None,
    *,
    left_out: bool = True,
    references: bool = True,
) -> Kept:
    """``new`` with the secrets of ``old`` where the mark is, and, with ``left_out``, where no secret is.

    Parts are told by their names, keys of a KeyPair by their ids; ``renamed`` is the new way to a part -> the old one.
    Without ``references`` a secret that is a ``${NAME}`` reference does not go anywhere else either.
    """
    problems: list[Problem] = []
    rules = _Rules(renamed or {}, left_out, references)
    kept: Any = dict(new)
    for at in SECRETS:
        kept = _kept(kept, old, at, (), (), (), rules, problems)
    return Kept(kept, tuple(problems))


def _kept(
    new: Any,
    old: Any,
    at: Sequence[str],
    loc: Loc,
    way: Way,
    moved: tuple[str, ...],
    rules: _Rules,
    problems: list[Problem],
) -> Any:
    key, *rest = at
    if key == "*":
        if not isinstance(new, list):
            return new
        return [
            _kept(
                item,
                _counterpart(item, old, way, rules),
                rest,
                (*loc, index),
                (*way, item_name(item) or ""),
                moved,
                rules,
                problems,
            )
            for index, item in enumerate(new)
        ]
    if not isinstance(new, Mapping):
        return new
    before = old if isinstance(old, Mapping) else {}
    places = _SENT_TO.get(str(loc[0]), ()) if loc else ()
    moved = (*moved, *(name for name in places if new.get(name, "") != before.get(name, "")))
    if rest:
        if key not in new:
            return new
        return {**new, key: _kept(new[key], before.get(key), rest, (*loc, key), (*way, key), moved, rules, problems)}
    return _holder(new, before, key, loc, moved, rules, problems)


def _counterpart(item: Any, old: Any, way: Way, rules: _Rules) -> Any:
    """The item of the old list that this one was."""
    name = item_name(item)
    if name is None or not isinstance(old, list):
        return None
    index = index_of(old, rules.renamed.get((*way, name), (name,))[-1])
    return None if index is None else old[index]


def _holder(
    new: Json, old: Json, key: str, loc: Loc, moved: tuple[str, ...], rules: _Rules, problems: list[Problem]
) -> Json:
    given, had = new.get(key), old.get(key)
    place = render_path((*loc, key))
    if isinstance(given, str) and given.startswith(SEALED_PREFIX):
        # Its secret is somebody's who did not give it to this editor: it could be moved to an app of his own.
        problems.append(Problem(place, *_SEALED))
        return {**new, key: _STAND_IN}
    # An app that logs in by a component has no AppSecret: leaving it out is how it loses the one that it had.
    left_out = rules.left_out and key not in new and had is not None and not new.get("component")
    keeps = given == MASK or left_out
    if keeps and had is None:
        problems.append(Problem(place, *_NONE))
        return {**new, key: _STAND_IN}
    lent = not rules.references and isinstance(given, str) and has_reference(given) and given == had
    if moved and (keeps or lent):
        names = ", ".join(moved)
        problems.append(
            Problem(
                place,
                f"{names} changed: the secret that is kept here would go elsewhere, so it must be written again",
                f"{names} 已修改，原密钥将发往别处，因此必须重新填写密钥",
            )
        )
    return {**new, key: had} if keeps else new
