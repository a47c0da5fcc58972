"""Avatars on the disk: whose, under which name, and how they go."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from menshen.errors import AvatarInvalid, AvatarTooLarge, NoSuchRoute, SessionRevoked
from menshen.sessions.claims import new_id
from menshen.storage.database import Database
from menshen.storage.tables import users
from menshen.users.avatars import MOST_PIXELS, Avatars
from menshen.users.profiles import Profiles
from tests.storage.conftest import opened
from tests.users.image_samples import gif, jpeg, png, webp

LIMIT = 20_000
Work = Callable[[Avatars, Database], Awaitable[None]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data" / "avatars"


@pytest.fixture
def run(database_url: str, directory: Path) -> Callable[[Work], None]:
    """Run with avatars of the user u1."""

    def runner(work: Work) -> None:
        async def main() -> None:
            async with opened(database_url) as database:
                async with database.writing() as connection:
                    await connection.execute(insert(users), [{"uid": "u1", "created_at": 1}])
                await work(Avatars(directory, Profiles(database), lambda: new_id(secrets.token_bytes)), database)

        asyncio.run(main())

    return runner


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []


async def shown(database: Database) -> str:
    async with database.reading() as connection:
        return (await connection.execute(select(users.c.avatar))).scalar_one()


@pytest.mark.parametrize(
    ("content", "kind", "extension"),
    [
        (png(), "image/png", "png"),
        (gif(), "image/gif", "gif"),
        (jpeg(), "image/jpeg", "jpg"),
        (webp(), "image/webp", "webp"),
    ],
)
def test_an_avatar_is_kept_under_a_name_of_ours(
    run, directory: Path, content: bytes, kind: str, extension: str
) -> None:  # type: ignore[no-untyped-def]
    async def work(avatars: Avatars, database: Database) -> None:
        name = await avatars.set("u1", content, LIMIT)
        assert name.endswith(f".{extension}")
        assert len(name.partition(".")[0]) == 26
        assert await shown(database) == name
        avatar = await avatars.read(name)
        assert (avatar.type, avatar.content) == (kind, content)
        assert files(directory) == [name]

    run(work)
    (file,) = directory.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_new_one_takes_the_place_of_the_old(run, directory: Path) -> None:  # type: ignore[no-untyped-def]
    async def work(avatars: Avatars, database: Database) -> None:
        first = await avatars.set("u1", png(), LIMIT)
        second = await avatars.set("u1", gif(), LIMIT)
        assert files(directory) == [second]
        with pytest.raises(NoSuchRoute):
            await avatars.read(first)
        await avatars.remove("u1")
        await avatars.remove("u1")
        assert files(directory) == []
        assert await shown(database) == ""

    run(work)


def test_ten_at_once_leave_the_one_that_the_user_has(run, directory: Path) -> None:  # type: ignore[no-untyped-def]
    async def work(avatars: Avatars, database: Database) -> None:
        await asyncio.gather(*(avatars.set("u1", png(), LIMIT) for _ in range(10)))
        assert files(directory) == [await shown(database)]

    run(work)


@pytest.mark.parametrize("content", [b"", b"<html>", b"GIF", png()[:20]])
def test_what_is_no_image_is_refused(run, directory: Path, content: bytes) -> None:  # type: ignore[no-untyped-def]
    async def work(avatars: Avatars, database: Database) -> None:
        with pytest.raises(AvatarInvalid):
            await avatars.set("u1", content, LIMIT)
        assert files(directory) == []
        assert await shown(database) == ""

    run(work)


def test_size_has_a_limit_in_bytes_and_in_pixels(run, directory: Path) -> None:  # type: ignore[no-untyped-def]
    async def work(avatars: Avatars, _: Database) -> None:
        whole = png() + bytes(LIMIT - len(png()))
        await avatars.set("u1", whole, LIMIT)
        await avatars.set("u1", png(MOST_PIXELS, MOST_PIXELS), LIMIT)
        left = files(directory)
        for content in (whole + b"\0", png(MOST_PIXELS + 1, 1), png(1, MOST_PIXELS + 1), jpeg(65535, 65535)):
            with pytest.raises(AvatarTooLarge):
                await avatars.set("u1", content, LIMIT)
        assert files(directory) == left

    run(work)


@pytest.mark.parametrize("status", ["closed", "gone"])
def test_nothing_is_left_of_an_avatar_for_a_user_who_is_no_more(run, directory: Path, status: str) -> None:  # type: ignore[no-untyped-def]
    """He closed his account while it was being uploaded (attack class 44)."""

    async def work(avatars: Avatars, database: Database) -> None:
        async with database.writing() as connection:
            gone = delete(users) if status == "gone" else update(users).values(status=status)
            await connection.execute(gone)
        with pytest.raises(SessionRevoked):
            await avatars.set("u1", png(), LIMIT)
        assert files(directory) == []

    run(work)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../menshen.db",
        "../../master.key",
        "..%2fmaster.key",
        "/etc/passwd",
        "a" * 26,
        "a" * 26 + ".svg",
        "a" * 26 + ".png\n",
        "a" * 26 + ".png\0",
        "A" * 26 + ".png",
        "a" * 25 + "/.png",
        "../" + "a" * 26 + ".png",
        "a" * 26 + ".png/../../master.key",
        ".draft-abcdefgh",
    ],
)
def test_no_text_of_a_client_is_a_path(run, directory: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    (directory.parent).mkdir(parents=True)
    (directory.parent / "master.key").write_bytes(png())

    async def work(avatars: Avatars, _: Database) -> None:
        await avatars.set("u1", png(), LIMIT)
        (directory / ".draft-abcdefgh").write_bytes(png())
        with pytest.raises(NoSuchRoute):
            await avatars.read(name)
        await avatars.erase(name)
        assert (directory.parent / "master.key").exists()
        assert len(files(directory)) == 2

    run(work)


def test_a_link_is_not_followed(run, directory: Path) -> None:  # type: ignore[no-untyped-def]
    directory.mkdir(parents=True)
    target = directory.parent / "picture"
    target.write_bytes(png())
    (directory / ("b" * 26 + ".png")).symlink_to(target)

    async def work(avatars: Avatars, _: Database) -> None:
        with pytest.raises(NoSuchRoute):
            await avatars.read("b" * 26 + ".png")

    run(work)


def test_a_file_is_served_as_what_it_is_and_not_as_what_it_is_called(run, directory: Path) -> None:  # type: ignore[no-untyped-def]
    async def work(avatars: Avatars, _: Database) -> None:
        name = await avatars.set("u1", png(), LIMIT)
        (directory / name).write_bytes(gif())
        assert (await avatars.read(name)).type == "image/gif"
        (directory / name).write_bytes(b"<html>")
        with pytest.raises(NoSuchRoute):
            await avatars.read(name)

    run(work)


def test_what_nobody_has_is_swept_away_in_time(run, directory: Path) -> None:  # type: ignore[no-untyped-def]
    async def work(avatars: Avatars, _: Database) -> None:
        assert await avatars.sweep(time.time()) == 0
        kept = await avatars.set("u1", png(), LIMIT)
        old, young, draft = "c" * 26 + ".png", "d" * 26 + ".png", ".draft-12345678"
        for name in (old, young, draft, "README"):
            (directory / name).write_bytes(png())
        for name in (kept, old, draft, "README"):
            os.utime(directory / name, (1, 1))
        assert await avatars.sweep(time.time()) == 2
        assert files(directory) == sorted([kept, young, "README"])

    run(work)
