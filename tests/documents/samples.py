"""A document with a secret in every place that has one, all of them planted, and revisions to keep it in."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from menshen.config.yamltext import dump_document
from menshen.documents.configuration import Activate, Configuration
from menshen.documents.documents import Documents
from menshen.storage.database import Database
from menshen.storage.revisions import Revisions
from menshen.storage.sealing import Sealer
from tests.storage.conftest import opened

CANARY = "planted-secret"
ENV = {"SECRET": f"{CANARY}-of-the-environment", "MENSHEN_MASTER_KEY": f"{CANARY}-master"}

_FULL: dict[str, Any] = {
    "version": 1,
    "components": [
        {
            "name": "agency",
            "appid": "wx9",
            "secret": f"{CANARY}-of-the-agency",
            "token": f"{CANARY}-of-its-messages",
            "message_key": "plantedSecretOfTheMessagesOfTheAgency000000",
        }
    ],
    "apps": [
        {"name": "shop", "platform": "wechat", "appid": "wx1", "secret": f"{CANARY}-of-shop"},
        {
            "name": "chat",
            "platform": "qq",
            "appid": "110",
            "secret": "${SECRET}",
            "base_url": "http://127.0.0.1:8082/qq",
        },
    ],
    "upstreams": [{"name": "orders", "endpoints": ["127.0.0.1:9001"]}],
    "groups": [
        {
            "name": "mall",
            "prefix": "/mall",
            "upstream": "orders",
            "apis": [{"name": "login", "path": "/login"}, {"name": "order", "path": "/orders/{id}"}],
        },
        {"name": "partners", "prefix": "/partners", "upstream": "orders", "apis": [{"name": "all", "path": "/*"}]},
    ],
    "plugins": [
        {"name": "shop-login", "type": "WeChatMpLogin", "app": "shop"},
        {
            "name": "partner-keys",
            "type": "KeyPair",
            "keys": [
                {"id": "erp", "secret": f"{CANARY}-of-the-erp"},
                {"id": "crm", "secret": f"{CANARY}-of-the-crm", "enabled": False},
            ],
        },
    ],
    "bindings": [{"plugin": "shop-login", "group": "mall"}, {"plugin": "partner-keys", "api": "partners/all"}],
    "users": {
        "accounts": {"verifier": {"url": "https://team.example.com/verify", "secret": f"{CANARY}-of-the-verifier"}},
        "sms": {"url": "https://team.example.com/sms", "secret": f"{CANARY}-of-the-sender"},
        "captcha": {"url": "https://team.example.com/captcha", "secret": f"{CANARY}-of-the-captcha"},
    },
    "webhooks": [{"name": "crm", "url": "https://team.example.com/told", "secret": f"{CANARY}-of-the-webhook"}],
}


def full() -> dict[str, Any]:
    return copy.deepcopy(_FULL)


def documents_of(database: Database, key: bytes = b"k" * 32) -> Documents:
    return Documents(Revisions(database), Sealer(key, "app-secret"), ENV, lambda: 1000.0)


@asynccontextmanager
async def configured(where: Path | str, activate: Activate | None = None) -> Any:
    """A configuration whose first revision is :func:`full`, and its documents."""
    async with opened(where) as database:
        documents = documents_of(database)
        await documents.apply(dump_document(full()), author="file")
        yield Configuration(documents, activate), documents


Work = Callable[[Configuration, Documents], Awaitable[Any]]


def with_configuration(where: Path | str, work: Work, activate: Activate | None = None) -> Any:
    async def main() -> Any:
        async with configured(where, activate) as (configuration, documents):
            return await work(configuration, documents)

    return asyncio.run(main())
