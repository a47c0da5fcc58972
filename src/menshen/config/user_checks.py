"""What the ``users`` and ``webhooks`` sections must agree on, and what a call to a service of the team's needs.

Such a call carries passwords, phone numbers or text-message codes, and it is believed by its signature. So its URL is
``https://`` unless it stays within the machine or the team's own network, and its secret is one that nobody guesses.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from menshen.config.outline import At, Outline
from menshen.config.own_network import PLAIN_HTTP, is_guarded
from menshen.config.user_pool import Called, Users, Webhook
from menshen.errors import Problem

__all__ = ["LEAST_SECRET", "user_problems"]

LEAST_SECRET = 16
"""Characters of a secret that calls are signed with. Whoever has seen one call can try secrets at home."""

_STANDARD = "whsec_"


def user_problems(outline: Outline) -> Iterator[Problem]:
    """The problems of both sections."""
    if outline.users is not None:
        yield from _accounts(outline.users)
        yield from _needs_client_api(outline, outline.users)
        for path, called in _services(outline.users):
            yield from _called(path, called)
    for webhook in outline.webhooks:
        yield from _called(webhook.path, webhook.value)
        yield from _events(webhook)


def _services(users: Users) -> Iterator[tuple[str, Called]]:
    for path, called in (
        ("users.accounts.verifier", users.accounts.verifier),
        ("users.sms", users.sms),
        ("users.captcha", users.captcha),
    ):
        if called is not None:
            yield path, called


def _accounts(users: Users) -> Iterator[Problem]:
    if users.accounts.verifier is not None and users.accounts.registration:
        yield Problem(
            "users.accounts.registration",
            "accounts are the verifier's, so nobody can register one here",
            "已配置 verifier，账号由贵方系统管理，不能在此注册",
        )


def _needs_client_api(outline: Outline, users: Users) -> Iterator[Problem]:
    if outline.listener is None or outline.listener.client_api:
        return
    for path, wanted in (
        ("users.accounts.registration", users.accounts.registration),
        ("users.sms", users.sms is not None),
    ):
        if wanted:
            yield Problem(
                path,
                "it is used at the client API, which listener.client_api switches off",
                "此功能依赖客户端接口，而 listener.client_api 已将其关闭",
            )


def _called(path: str, called: Called | Webhook) -> Iterator[Problem]:
    if not is_guarded(called.url):
        yield Problem(f"{path}.url", *PLAIN_HTTP)
    secret = called.secret.reveal()
    if secret.startswith(_STANDARD):
        if len(_bytes_of(secret)) < LEAST_SECRET:
            yield Problem(
                f"{path}.secret",
                f"after {_STANDARD} comes base64 of at least {LEAST_SECRET} bytes",
                f"{_STANDARD} 之后必须是至少 {LEAST_SECRET} 字节的 base64",
            )
    elif len(secret) < LEAST_SECRET:
        yield Problem(
            f"{path}.secret",
            f"must have at least {LEAST_SECRET} characters; openssl rand -hex 32 makes a good one",
            f"至少 {LEAST_SECRET} 个字符，可用 openssl rand -hex 32 生成",
        )


def _bytes_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret[len(_STANDARD) :], validate=True)
    except (binascii.Error, ValueError):
        return b""


def _events(webhook: At[Webhook]) -> Iterator[Problem]:
    first: set[str] = set()
    for index, event in enumerate(webhook.value.events):
        if event in first:
            yield Problem(f"{webhook.path}.events[{index}]", "this event is in the list twice", "事件重复")
        first.add(event)
