"""Private files: whole, durable, readable by their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from menshen.errors import KeyRingInvalid
from menshen.storage.private_file import read_private, replace_private


def test_a_file_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "key"
    assert read_private(path, lambda: b"one") == "one"
    assert read_private(path, lambda: b"two") == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "key"
    read_private(path, lambda: b"one")
    with path.open() as reading:
        replace_private(path, b"two")
        assert reading.read() == "one"
    assert read_private(path, bytes) == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_a_replacement_is_private_whatever_was_there_and_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("one")
    path.chmod(0o644)
    umask = os.umask(0)
    try:
        replace_private(path, b"two")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_content_is_on_the_disk_before_it_has_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        done.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    replace_private(tmp_path / "key", b"one")
    assert done == ["file", "name", "directory"]


def test_a_draft_left_by_a_process_of_the_same_number_is_in_nobodys_way(tmp_path: Path) -> None:
    """In a container a program has the same process id at every start."""
    (tmp_path / f".key.{os.getpid()}").write_text("half")
    assert read_private(tmp_path / "key", lambda: b"one") == "one"
    replace_private(tmp_path / "key", b"two")


def test_what_cannot_be_read_or_written_is_told_without_its_content(tmp_path: Path) -> None:
    with pytest.raises(KeyRingInvalid, match=r"^key: No such file or directory$"):
        replace_private(tmp_path / "nowhere" / "key", b"canary")
    (tmp_path / "directory").mkdir(mode=0o700)
    with pytest.raises(KeyRingInvalid, match="directory: Is a directory"):
        read_private(tmp_path / "directory", bytes)
    (tmp_path / "binary").touch(0o600)
    (tmp_path / "binary").write_bytes(b"canary\xff")
    with pytest.raises(KeyRingInvalid, match=r"^binary: not UTF-8$"):
        read_private(tmp_path / "binary", bytes)
