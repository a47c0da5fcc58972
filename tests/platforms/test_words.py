from __future__ import annotations

import re

import pytest

from menshen.platforms.registry import PLATFORMS
from menshen.platforms.words import PlatformWords, words_of
from menshen.platforms.xiaohongshu import Xiaohongshu


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_is_spoken_of_in_its_own_words(name):
    words = words_of(PLATFORMS[name])

    assert isinstance(getattr(PLATFORMS[name], "words", None), PlatformWords)
    assert words.title[0][:1].isupper()
    assert re.fullmatch(r"[a-z]+(\.[a-zA-Z]+)+", words.login_call)
    assert all((words.appid, *words.secret, *words.proof))


def test_no_two_platforms_have_the_same_name():
    spoken = [words_of(platform) for platform in PLATFORMS.values()]

    assert len({words.title for words in spoken}) == len(spoken)


def test_a_platform_that_says_nothing_is_spoken_of_by_its_name():
    class Silent(Xiaohongshu):
        name = "silent"
        words = None

    words = words_of(Silent())

    assert (words.title, words.login_call, words.secret[0]) == (("silent", "silent"), "login", "AppSecret")
