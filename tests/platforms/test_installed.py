"""Platforms that packages bring: found by entry points, loaded, and used only where nothing speaks against it."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import pytest

from menshen.platforms.installed import GROUP, found_platforms
from menshen.platforms.registry import PLATFORMS

MODULE = """\
import re
from menshen.config.app_keys import AppKey
from menshen.platforms.bare import BarePlatform

class Acme(BarePlatform):
    name = "acme"
    plugin_type = "AcmeMpLogin"
    default_base_url = "https://open.acme.example"
    code_pattern = re.compile("[a-z]+")
    settings_page = "open.acme.example"
    app_keys = {"data_key": AppKey(lambda text: None)}
    def code2session(self, app, code):
        yield

class Other(Acme):
    name = "other"

class WeChat(Acme):
    name = "wechat"

class Taken(Acme):
    plugin_type = "WeChatMpLogin"

class OAuth(Acme):
    plugin_type = "OAuth"

class Raises(Acme):
    def __init__(self):
        raise OSError("planted-text-of-an-exception")

ready = Acme()
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install packages, each with its entry points, and find what there is."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "acme_of_a_test.py").write_text(MODULE)

    def install(**packages):
        for package, points in packages.items():
            info = tmp_path / f"{package}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in points.items())]
            (info / "entry_points.txt").write_text("\n".join(lines))
        return found_platforms(entry_points(group=GROUP))

    yield install
    sys.modules.pop("acme_of_a_test", None)


def only(found):
    (one,) = found.installed
    return one


@pytest.mark.parametrize("value", ["acme_of_a_test:Acme", "acme_of_a_test:ready"])
def test_a_platform_is_there_beside_menshens_own(installed, value):
    found = installed(acme={"acme": value})
    assert (only(found).name, only(found).packages, only(found).broken) == ("acme", ("acme 1.0",), "")
    assert set(found.adapters) == {*PLATFORMS, "acme"}
    assert found.plugin_types["AcmeMpLogin"] == "acme"
    assert found.plugin_types["WeChatMpLogin"] == "wechat"
    assert set(found.app_keys["acme"]) == {"data_key"}
    assert found.broken == {}


def test_nothing_in_it_can_be_changed(installed):
    found = installed(acme={"acme": "acme_of_a_test:Acme"})
    with pytest.raises(TypeError):
        found.adapters["mine"] = found.adapters["acme"]


def test_without_packages_there_are_menshens_own():
    found = found_platforms(())
    assert found.adapters == PLATFORMS
    assert found.installed == ()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("acme", "no_such_module:Acme", "ModuleNotFoundError"),
        ("acme", "acme_of_a_test:missing", "AttributeError"),
        ("acme", "acme_of_a_test:Raises", "OSError"),
        ("acme", "acme_of_a_test:Other", "its name is not that of the entry point"),
        ("acme", "acme_of_a_test:Taken", "WeChatMpLogin"),
        ("acme", "acme_of_a_test:OAuth", "OAuth"),
        ("acme", "acme_of_a_test:MODULE", "AttributeError"),
        ("Acme", "acme_of_a_test:Acme", "1 to 30"),
    ],
)
def test_a_broken_one_is_used_nowhere_and_says_why(installed, name, value, why):
    found = installed(acme={name: value})
    assert why in only(found).broken
    assert "planted-text" not in only(found).broken
    assert found.adapters == PLATFORMS
    assert found.broken == {name: only(found).broken}


def test_menshens_own_is_not_replaced(installed):
    found = installed(acme={"wechat": "acme_of_a_test:WeChat"})
    assert only(found).broken == "a platform of Menshen's own has this name"
    assert found.adapters["wechat"] is PLATFORMS["wechat"]
    assert found.broken == {}  # for a document: its wechat is good


def test_of_two_packages_with_one_name_neither_is_used(installed):
    found = installed(acme={"acme": "acme_of_a_test:Acme"}, bcme={"acme": "acme_of_a_test:Acme"})
    assert only(found).packages == ("acme 1.0", "bcme 1.0")
    assert "several packages" in only(found).broken
    assert found.adapters == PLATFORMS


def test_of_two_platforms_with_one_plugin_type_neither_is_used(installed):
    found = installed(acme={"acme": "acme_of_a_test:Acme"}, other={"other": "acme_of_a_test:Other"})
    assert set(found.broken) == {"acme", "other"}
    assert found.adapters == PLATFORMS
