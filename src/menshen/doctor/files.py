"""The data directory: there, ours, and nobody else's to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from menshen.doctor.finding import Check, Finding, Said, Trouble, well
from menshen.doctor.installation import MASTER_KEY_FILE, Installation

__all__ = ["CHECK"]

_SECRET: Final = (MASTER_KEY_FILE, "admin.token", "keys/*.json")

MISSING = Trouble(
    "data_directory_missing",
    "failed",
    Said("there is no data directory {path}", "数据目录 {path} 不存在"),
    Said(
        "Give the directory that serve uses with --data-dir or MENSHEN_DATA_DIR; menshen serve makes a new one.",
        "用 --data-dir 或 MENSHEN_DATA_DIR 指定 serve 使用的目录；新目录由 menshen serve 创建。",
    ),
)
NOT_WRITABLE = Trouble(
    "data_directory_not_writable",
    "failed",
    Said("this user cannot write to {path}", "当前用户无法写入 {path}"),
    Said(
        "Run Menshen as the owner of the directory, or give it to this user with chown -R.",
        "以该目录的属主身份运行 Menshen，或用 chown -R 把目录交给当前用户。",
    ),
)
KEY_OPEN = Trouble(
    "key_file_open",
    "failed",
    Said("other users can read {path} (mode {mode})", "其他用户可以读取 {path}（权限 {mode}）"),
    Said(
        "Run chmod 600 {path}, and change the key if another user may have read it.",
        "执行 chmod 600 {path}；若可能已被他人读取，请更换该密钥。",
    ),
)
OPEN = Trouble(
    "data_directory_open",
    "warning",
    Said("other users can reach {path} (mode {mode})", "其他用户可以访问 {path}（权限 {mode}）"),
    Said("Run chmod -R go= {path}.", "执行 chmod -R go= {path}。"),
)


async def _run(installation: Installation, _: str) -> Sequence[Finding]:
    directory = installation.place.data_dir
    if not directory.is_dir():
        return [MISSING.seen(path=str(directory))]
    found = [KEY_OPEN.seen(path=str(path), mode=f"{mode:o}") for path, mode in _open(_secrets(directory))]
    rest = [directory, *(path for path in sorted(directory.iterdir()) if path not in set(_secrets(directory)))]
    found += [OPEN.seen(path=str(path), mode=f"{mode:o}") for path, mode in _open(rest)]
    if not os.access(directory, os.W_OK | os.X_OK):
        found.append(NOT_WRITABLE.seen(path=str(directory)))
    return found or [well(f"{directory} is this user's alone", f"{directory} 只有当前用户可以访问")]


def _secrets(directory: Path) -> list[Path]:
    return [path for pattern in _SECRET for path in sorted(directory.glob(pattern))]


def _open(paths: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    for path in paths:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except FileNotFoundError:  # a draft that has become its file meanwhile
            continue
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield path, mode


CHECK = Check(
    "files",
    Said(
        "The data directory and the files in it: there, writable, and closed to other users.",
        "数据目录及其中的文件：存在、可写，且其他用户无法访问。",
    ),
    (MISSING, NOT_WRITABLE, KEY_OPEN, OPEN),
    _run,
)
