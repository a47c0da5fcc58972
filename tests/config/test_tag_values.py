"""A tag's value says itself and nothing more, and is spelt as Envoy's script spells it."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from menshen.config.tag_values import encoded_value, tag_header, tag_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("gold", "gold"),
        ("老王", "%E8%80%81%E7%8E%8B"),
        ('a, b;c="d"\\e%f', "a%2C%20b%3Bc=%22d%22%5Ce%25f"),
        ("\U0001f468\u200d\U0001f469", "%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9"),
        ("", ""),
        ("a" * 128, "a" * 128),
    ],
)
def test_a_text_is_percent_encoded_whole(text: str, value: str) -> None:
    assert tag_value(text) == value


@pytest.mark.parametrize("text", ["a" * 129, "王" * 43, "a\nb", "a\x00", "\x7f", "\ud800"])
def test_a_text_that_can_be_no_value_is_none(text: str) -> None:
    assert tag_value(text) == ""


def test_what_stands_unencoded_is_what_the_script_leaves() -> None:
    script = (files("menshen.envoy") / "tags.lua").read_text(encoding="utf-8")
    found = re.search(r'gsub\(text, "\[\^(.*?)\]", hex\)', script)
    assert found is not None
    # A character class of Lua: "%" before a sign is that sign, the "-" at its end itself, and three ranges.
    lua = found[1].replace("%", "")
    assert lua.endswith("-")
    plain = re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), lua[:-1]) + "-"
    everything = [chr(code) for code in range(0x80)]
    assert {sign for sign in everything if encoded_value(sign) == sign} == set(plain)


def test_a_header_has_no_underscores() -> None:
    assert tag_header("new_user") == "x-menshen-tag-new-user"
