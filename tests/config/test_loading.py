from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menshen.config.loading import Loaded, read_document, read_text
from menshen.config.yamltext import MAX_BYTES, dump_document
from menshen.errors import ConfigInvalid, ConfigUnavailable, Problem

from .samples import ENV, PLATFORMS, PLUGIN_TYPES, load, problems, put, sound

DESIGN = (Path(__file__).parent / "design.yaml").read_text(encoding="utf-8")
CANARY = "canary-0123456789abcdef"


def read(text: str) -> Loaded:
    return read_document(text, env=ENV, plugin_types=PLUGIN_TYPES, platforms=PLATFORMS)


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigInvalid) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


def test_the_document_of_the_design_is_read() -> None:
    loaded = read(DESIGN)
    assert [route.id for route in loaded.snapshot.routes] == ["mall/login", "mall/order", "mall/assets"]
    assert [route.access for route in loaded.snapshot.routes] == ["required", "required", "public"]


def test_a_written_document_loads_as_it_was() -> None:
    loaded = read(DESIGN)
    again = read(dump_document(loaded.raw))
    assert (again.raw, again.document, again.snapshot) == (loaded.raw, loaded.document, loaded.snapshot)


def test_the_smallest_document_has_its_version_only() -> None:
    assert read("version: 1").snapshot.routes == ()


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", "1", "null", "version"])
def test_a_document_that_is_no_mapping_is_refused(text: str) -> None:
    assert problems_of(text) == ["(document): the document must be a mapping that starts with version: 1"]


def test_a_key_that_is_written_twice_does_not_hide_other_problems() -> None:
    assert problems_of("version: 1\nversion: 2\napps: 3\n") == [
        "version: this key is written twice (line 2)",
        "apps: must be a list",
    ]


def test_a_duplicate_key_alone_is_reason_enough() -> None:
    assert problems_of("version: 1\nversion: 1\n") == ["version: this key is written twice (line 2)"]


def test_no_problem_and_no_traceback_shows_a_secret() -> None:
    raw = sound(apps__0__secret=CANARY, apps__0__platform="x", apps__1={"name": CANARY + "!", "secret": {"x": CANARY}})
    with pytest.raises(ConfigInvalid) as caught:
        load(raw)
    shown = (
        f"{caught.value!r} {caught.value} {caught.value.problems} {caught.value.__cause__} {caught.value.__context__}"
    )
    assert CANARY not in shown


def test_what_is_loaded_does_not_print_its_secrets() -> None:
    assert CANARY not in repr(load(sound(apps__0__secret=CANARY)))


@settings(deadline=None)
@given(st.text() | st.text(alphabet="version: 1apps\n- {}[]\"'&*!$#\t"))
def test_any_text_is_a_document_or_config_invalid(text: str) -> None:
    with contextlib.suppress(ConfigInvalid):
        read(text)


PLACES = [
    "apps",
    "apps__0",
    "apps__0__name",
    "apps__0__secret",
    "apps__0__base_url",
    "upstreams__0__endpoints",
    "upstreams__0__endpoints__0",
    "upstreams__0__health_check",
    "groups",
    "groups__0",
    "groups__0__name",
    "groups__0__hosts__0",
    "groups__0__apis",
    "groups__0__apis__1",
    "groups__0__apis__1__name",
    "groups__0__apis__1__path",
    "groups__0__apis__1__methods",
    "plugins__0",
    "plugins__0__name",
    "plugins__0__code",
    "plugins__0__session__name",
    "plugins__0__identity__headers",
    "plugins__0__reply",
    "bindings",
    "bindings__0",
    "bindings__0__api",
    "listener",
]
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["mall", "mall/order", "shop", "/x", "/{a}/*", "*", "a:1", "${X}", "${SHOP_APPSECRET}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "path", "in", "app", "group", "api", "plugin", "apis", "tls", "openid"])
            | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PLACES), anything), min_size=1, max_size=3))
def test_a_spoilt_document_is_sound_or_config_invalid(changes: list[tuple[str, Any]]) -> None:
    raw = sound()
    for place, value in changes:
        try:
            put(raw, place.split("__"), value)
        except (TypeError, ValueError, AttributeError, LookupError):
            continue  # an earlier change took the place away
    found: tuple[Problem, ...] = ()
    try:
        load(raw)
    except ConfigInvalid as error:
        found = error.problems
    assert all(problem.message and problem.message_zh and "\n" not in str(problem) for problem in found)


def test_problems_of_many_kinds_come_together() -> None:
    found = problems(sound(version=3, apps__0__secret="${NO}", groups__1__upstream="gone"))
    assert [problem.path for problem in found] == ["apps[0].secret", "version", "groups[1].upstream"]


def test_a_file_is_read_as_utf8(tmp_path: Path) -> None:
    file = tmp_path / "menshen.yaml"
    file.write_bytes("\ufeffversion: 1 # 门神\n".encode())
    assert read_text(file) == "version: 1 # 门神\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [("版本: 1".encode("gbk"), "not UTF-8"), (b"#" * (MAX_BYTES + 1), "over 1 MiB"), (None, "No such file")],
    ids=["GBK", "too large", "no file"],
)
def test_a_file_that_cannot_be_read_is_unavailable(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "menshen.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigUnavailable, match=words):
        read_text(file)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigUnavailable):
        read_text(tmp_path)
