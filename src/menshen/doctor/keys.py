"""Keys: the master key fits what is sealed, the rings are whole, and none is older than it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from menshen.config.sealing import map_secrets
from menshen.config.snapshot import LoginPlugin
from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation
from menshen.documents.documents import SEALED_PREFIX
from menshen.errors import KeyRingInvalid
from menshen.sessions.keys import Purpose
from menshen.sessions.rotation import KeyInfo, listed
from menshen.storage.sealing import Sealer

__all__ = ["CHECK"]

_DAY: Final = 86_400
_OLD: Final = 200 * _DAY
"""Twice a year is the habit that the documentation asks for, and some days to come to it."""

_ASSERTION_MINUTES: Final = 5
_SETTLED: Final = _DAY
"""For which a key is kept after the last thing that it made has run out."""

BROKEN = Trouble(
    "keys_broken",
    "failed",
    Said("a key cannot be used: {why}", "密钥无法使用：{why}"),
    Said(
        "Put back the files in keys/ and master.key from the backup, for with other keys everybody must log in anew.",
        "从备份恢复 keys/ 目录和 master.key；换成其他密钥会让所有人重新登录。",
    ),
)
NO_MASTER = Trouble(
    "master_key_missing",
    "failed",
    Said("there is a configuration in the database and no master key", "数据库中已有配置，但没有主密钥"),
    Said(
        "Put back master.key from the backup, or set MENSHEN_MASTER_KEY as it is set for serve.",
        "从备份恢复 master.key，或像 serve 一样设置 MENSHEN_MASTER_KEY。",
    ),
)
NO_FIT = Trouble(
    "master_key_wrong",
    "failed",
    Said(
        "the master key opens {opened} of {count} sealed secrets of the active revision",
        "当前版本有 {count} 个密封的密钥，主密钥只能打开 {opened} 个",
    ),
    Said(
        "Use the master key with which they were sealed (backup, or MENSHEN_MASTER_KEY), or apply the document anew "
        "with the secrets in it.",
        "换回密封时使用的主密钥（备份或 MENSHEN_MASTER_KEY），或重新应用包含这些密钥原文的配置。",
    ),
)
OLD = Trouble(
    "key_old",
    "warning",
    Said("the key {kid} of {purpose} has been in use for {days} days", "{purpose} 的密钥 {kid} 已使用 {days} 天"),
    Said(
        "Run menshen keys rotate {purpose}; nobody is logged out.", "执行 menshen keys rotate {purpose}，不会有人掉线。"
    ),
)
SPENT = Trouble(
    "key_spent",
    "warning",
    Said(
        "the key {kid} of {purpose} only verifies, and all that it made has run out",
        "{purpose} 的密钥 {kid} 只用于验证，它签发的内容都已过期",
    ),
    Said("Run menshen keys retire {kid}.", "执行 menshen keys retire {kid}。"),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    found = [*_master(installation)]
    try:
        rings = listed(installation.place.data_dir / "keys")
    except KeyRingInvalid as error:
        return [*found, _broken(str(error))]
    now = installation.place.clock()
    found += _old(rings, now)
    if installation.loaded is not None:
        found += _spent(rings, _plugins(installation), now)
    if found:
        return found
    if not rings:
        return [well("no keys yet: menshen serve makes them", "尚无密钥：menshen serve 会创建")]
    return [
        well(
            f"{len(rings)} keys, {_sealed_words(installation)[0]}",
            f"{len(rings)} 个密钥，{_sealed_words(installation)[1]}",
        )
    ]


def _master(installation: Installation) -> Iterator[Finding]:
    if installation.key_complaint:
        yield _broken(installation.key_complaint)
    elif installation.master_key is None and installation.raw is not None and _sealed(installation):
        yield NO_MASTER.seen()
    elif installation.master_key is not None:
        sealed = _sealed(installation)
        opened = sum(_opens(Sealer(installation.master_key, "app-secret"), text) for text in sealed)
        if opened < len(sealed):
            yield NO_FIT.seen(opened=opened, count=len(sealed))


def _sealed(installation: Installation) -> list[str]:
    """What is sealed in the document, without the mark in front."""
    texts: list[str] = []

    def note(secret: str) -> str:
        texts.append(secret)
        return secret

    if isinstance(installation.raw, Mapping):
        map_secrets(installation.raw, note)
    return [text.removeprefix(SEALED_PREFIX) for text in texts if text.startswith(SEALED_PREFIX)]


def _sealed_words(installation: Installation) -> tuple[str, str]:
    count = len(_sealed(installation))
    if not count:
        return "nothing sealed to try the master key on", "没有可用来验证主密钥的密封内容"
    return f"the master key opens all {count} sealed secrets", f"主密钥可以打开全部 {count} 个密封的密钥"


def _opens(sealer: Sealer, text: str) -> bool:
    try:
        sealer.unseal(text)
    except KeyRingInvalid:
        return False
    return True


def _broken(why: str) -> Finding:
    return BROKEN.seen(why=why)


def _old(rings: Sequence[KeyInfo], now: float) -> Iterator[Finding]:
    for key in rings:
        if key.signs and key.made_at and now - key.made_at > _OLD:
            yield OLD.seen(kid=key.kid, purpose=key.purpose, days=int((now - key.made_at) // _DAY))


def _spent(rings: Sequence[KeyInfo], plugins: Sequence[LoginPlugin], now: float) -> Iterator[Finding]:
    """A key makes nothing from the moment on that the one before it in the ring was made."""
    for newer, key in pairwise(rings):
        if newer.purpose != key.purpose or not newer.made_at:
            continue
        if now > newer.made_at + _minutes(key.purpose, plugins) * 60 + _SETTLED:
            yield SPENT.seen(kid=key.kid, purpose=key.purpose)


def _plugins(installation: Installation) -> list[LoginPlugin]:
    return [route.login for route in installation.snapshot.routes if route.login is not None]


def _minutes(purpose: Purpose, plugins: Sequence[LoginPlugin]) -> int:
    """The longest life of what a ring makes."""
    if purpose == "assertion":
        return _ASSERTION_MINUTES
    if purpose == "refresh":
        return max((plugin.session.refresh.expires_in for plugin in plugins if plugin.session.refresh), default=0)
    return max((plugin.session.expires_in for plugin in plugins if plugin.session.kind == purpose), default=0)


CHECK = Check(
    "keys",
    Said(
        "The master key against what is sealed with it, the rings of keys, their age, and keys that are no longer of "
        "use.",
        "主密钥能否打开密封的内容，各组密钥是否完整、是否过旧，有无可以移除的密钥。",
    ),
    (BROKEN, NO_MASTER, NO_FIT, OLD, SPENT),
    _run,
)
