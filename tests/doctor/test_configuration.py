"""The document: what is wrong in it, and what does nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from menshen.config.yamltext import dump_document
from menshen.doctor.configuration import CHECK
from menshen.documents.documents import SEALED_PREFIX, as_written
from menshen.node.data_directory import open_documents
from tests.doctor.installed import document, install, looked_at, troubles

TEXT = document()


def test_a_sound_one(directory: Path) -> None:
    (finding,) = looked_at(CHECK, install(directory, TEXT))
    assert finding.found.en == "it holds: 1 apps, 1 plugins, 1 APIs"


def test_none_yet(directory: Path) -> None:
    assert troubles(CHECK, install(directory)) == ["no_configuration"]


def test_every_problem_has_its_path(directory: Path) -> None:
    text = TEXT.replace("upstream: orders", "upstream: nobody").replace("version: 1", "version: 1\ntypo: 1")
    findings = looked_at(CHECK, replace(install(directory), text=text))
    assert {finding.trouble for finding in findings} == {"configuration_problem"}
    said = [finding.found.en for finding in findings]
    assert any(line.startswith("groups[0].upstream: ") for line in said), said
    assert any(line.startswith("typo: ") for line in said), said


def test_a_variable_that_is_gone(directory: Path) -> None:
    text = TEXT.replace('secret: "planted-appsecret-of-shop-0123456789"', 'secret: "${SHOP_APPSECRET}"')
    where = install(directory, text, {"SHOP_APPSECRET": "planted-appsecret-of-shop-0123456789"})
    assert troubles(CHECK, where) == []
    (finding,) = looked_at(CHECK, replace(where, env={}))
    assert finding.found.en == "apps[0].secret: the environment variable SHOP_APPSECRET is not set"
    assert finding.found.zh == "apps[0].secret：环境变量 SHOP_APPSECRET 未设置"


def test_what_does_nothing(directory: Path) -> None:
    text = (
        TEXT.replace("upstreams:\n", 'upstreams:\n  - {name: spare, endpoints: ["127.0.0.1:9"]}\n')
        .replace("groups:\n", "groups:\n  - {name: empty, prefix: /empty, upstream: orders}\n")
        .replace("plugins:\n", "plugins:\n  - {name: idle, type: Cors, origins: ['https://a.example.com']}\n")
        .replace("apps:\n", "apps:\n  - {name: unused, platform: qq, appid: '1', secret: a-secret-of-nobody}\n")
        .replace("bindings:\n", "bindings:\n  - {plugin: shop-login, group: empty}\n")
    )
    findings = looked_at(CHECK, replace(install(directory), text=text))
    assert {(finding.status, finding.trouble) for finding in findings} == {
        ("warning", "app_unused"),
        ("warning", "upstream_unused"),
        ("warning", "plugin_unbound"),
        ("warning", "bound_to_nothing"),
    }


def test_an_exported_document_is_opened(directory: Path) -> None:
    """Its secrets are sealed, and the master key is here."""
    where = install(directory, TEXT)

    async def exported() -> str:
        async with open_documents(directory) as documents:
            active = await documents.revisions.active()
            assert active is not None
            return dump_document(as_written(active))

    text = asyncio.run(exported())
    assert SEALED_PREFIX in text
    assert troubles(CHECK, replace(where, text=text)) == []
