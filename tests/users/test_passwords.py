"""Passwords: the policy, Argon2id, and the same work for nobody's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from argon2 import Type, extract_parameters

from menshen.errors import Overloaded, PasswordWeak
from menshen.secret import Secret
from menshen.users.common_passwords import COMMON_PASSWORDS
from menshen.users.passwords import LONGEST, MEMORY_KIB, TIME_COST, Passwords, check_policy

GOOD = Secret("correct horse battery")


def run(work: Callable[[Passwords], Awaitable[None]], **parameters: int) -> None:
    async def main() -> None:
        await work(Passwords(**parameters))  # type: ignore[arg-type]

    asyncio.run(main())


@pytest.mark.parametrize("password", ["k7#mQ2v!", "correct horse battery staple", "八个汉字也是可以", "x1" * 99 + "yz"])
def test_what_will_do(password: str) -> None:
    check_policy(Secret(password), "alice", 8)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("k7#mQ2v", "8 to 256"),
        ("abcdefgh1" * 29, "8 to 256"),
        ("password", "common"),
        ("PassWord", "common"),
        ("Ｐａｓｓｗｏｒｄ", "common"),
        ("woaini1314", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("12121212121212", "common"),
        ("alice@example.com", "username"),
        ("ALICE@EXAMPLE.COM", "username"),
        ("moc.elpmaxe@ecila", "username"),
    ],
)
def test_what_is_weak(password: str, why: str) -> None:
    with pytest.raises(PasswordWeak, match=why) as raised:
        check_policy(Secret(password), "alice@example.com", 8)
    assert password == "password" or password not in str(raised.value)


def test_the_name_before_the_at_sign_is_the_name_too() -> None:
    with pytest.raises(PasswordWeak, match="username"):
        check_policy(Secret("wonderland"), "wonderland@example.com", 8)


def test_the_list_is_in_the_form_it_is_looked_up_in() -> None:
    assert len(COMMON_PASSWORDS) > 400
    assert all(word == word.lower() and 6 <= len(word) <= LONGEST for word in COMMON_PASSWORDS)


def test_a_password_matches_its_hash_and_no_other() -> None:
    async def work(passwords: Passwords) -> None:
        one, two = await passwords.hashed(GOOD), await passwords.hashed(GOOD)
        assert one != two  # salted
        assert await passwords.match(one, GOOD)
        assert not await passwords.match(one, Secret("correct horse batterz"))
        assert not await passwords.match(one, Secret(""))
        assert not passwords.outdated(one)
        for broken in ("nonsense", one[:-10], one.replace("argon2id", "argon2x"), "$argon2id$"):
            assert not await passwords.match(broken, GOOD)

    run(work)


def test_one_spelling_of_what_a_person_types() -> None:
    async def work(passwords: Passwords) -> None:
        stored = await passwords.hashed(Secret("pássword１２３ß"))
        assert await passwords.match(stored, Secret("pa\u0301ssword123ß"))
        assert await passwords.match(await passwords.hashed(Secret("a\ud800")), Secret("a\ud800"))

    run(work, memory_kib=64)


def test_the_parameters() -> None:
    async def work(passwords: Passwords) -> None:
        found = extract_parameters(await passwords.hashed(GOOD))
        assert found.type is Type.ID
        assert (found.memory_cost, found.time_cost, found.parallelism) == (MEMORY_KIB, TIME_COST, 1)
        assert (found.salt_len, found.hash_len) == (16, 32)

    run(work)


def test_nobodys_password_is_the_same_work() -> None:
    """What is compared with the hash that nobody has goes through Argon2 with the parameters of a real one."""

    verified: list[str] = []

    class Watched(Passwords):
        def _verified(self, password_hash: str, password: Secret) -> bool:
            verified.append(password_hash)
            return super()._verified(password_hash, password)

    async def main() -> None:
        passwords = Watched()
        real = await passwords.hashed(GOOD)
        assert not await passwords.match(real, Secret("wrong"))
        assert not await passwords.match("", Secret("wrong"))
        assert [extract_parameters(each) for each in verified] == [extract_parameters(real)] * 2
        # And it is Argon2 that refuses the second, having computed it: not a hash that cannot be read.
        with pytest.raises(Exception, match="does not match") as raised:
            passwords._hasher.verify(verified[1], "wrong")
        assert type(raised.value).__name__ == "VerifyMismatchError"

    asyncio.run(main())


def test_hashes_of_lesser_parameters_are_outdated() -> None:
    async def work(passwords: Passwords) -> None:
        old = await Passwords(memory_kib=64, time_cost=1).hashed(GOOD)
        assert passwords.outdated(old)
        assert await passwords.match(old, GOOD)

    run(work)


def test_the_loop_goes_on_and_two_at_a_time_are_hashed() -> None:
    most = 0
    running = 0
    lock = threading.Lock()
    went_on = threading.Event()

    class Watched(Passwords):
        def _verified(self, password_hash: str, password: Secret) -> bool:
            nonlocal most, running
            assert threading.current_thread() is not threading.main_thread()
            with lock:
                running += 1
                most = max(most, running)
            assert went_on.wait(90)
            try:
                return super()._verified(password_hash, password)
            finally:
                with lock:
                    running -= 1

    async def main() -> None:
        passwords = Watched()
        checks = asyncio.gather(*(passwords.match("", GOOD) for _ in range(8)))
        while most < 2:  # a turn of the loop each, in the middle of the checks  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        went_on.set()
        await checks
        assert most == 2

    asyncio.run(main())


def test_a_queue_that_is_too_long_is_refused() -> None:
    async def work(passwords: Passwords) -> None:
        answers = await asyncio.gather(*(passwords.match("", GOOD) for _ in range(80)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [bool] * 64 + [Overloaded] * 16
        assert await passwords.match("", GOOD) is False

    run(work, memory_kib=64)


def test_no_password_in_a_repr() -> None:
    assert "canary" not in repr(Passwords()) + repr(Secret("canary"))
