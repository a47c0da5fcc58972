"""The data directory's files: whose they are."""

from __future__ import annotations

import os
import pwd
import tempfile
from pathlib import Path

import pytest

from menshen.doctor.files import CHECK
from tests.doctor.installed import install, looked_at, place, troubles


def test_a_new_installation_is_well(directory: Path) -> None:
    assert troubles(CHECK, install(directory)) == []


def test_no_directory(tmp_path: Path) -> None:
    assert troubles(CHECK, place(tmp_path / "nowhere")) == ["data_directory_missing"]
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["master.key", "admin.token", "keys/session-sealed.json"])
def test_a_key_that_others_can_read(directory: Path, name: str) -> None:
    where = install(directory)
    (directory / name).chmod(0o640)
    (finding,) = looked_at(CHECK, where)
    assert (finding.status, finding.trouble) == ("failed", "key_file_open")
    assert finding.advice is not None
    assert f"chmod 600 {directory / name}" in finding.advice.en


def test_a_database_that_others_can_read(directory: Path) -> None:
    where = install(directory)
    (directory / "menshen.db").chmod(0o644)
    # What SQLite keeps beside a database is as open as that.
    assert {(each.status, each.trouble) for each in looked_at(CHECK, where)} == {("warning", "data_directory_open")}


def test_a_directory_of_somebody_else() -> None:
    """For a user who may look into it and not write. Root may do anything, so we are somebody else meanwhile."""
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        directory.chmod(0o555)
        root = os.getuid() == 0
        if root:
            os.setresuid(pwd.getpwnam("nobody").pw_uid, 0, 0)
        try:
            found = troubles(CHECK, place(directory))
        finally:
            if root:
                os.setresuid(0, 0, 0)
    assert found == ["data_directory_open", "data_directory_not_writable"]
