"""The kinds of parts that have pages, and how their forms are laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from menshen.config import apps, document, user_pool
from menshen.documents.parts import Way
from menshen.web.console.forms.field import Field, fields_of
from menshen.web.console.forms.layout import Section
from menshen.web.console.language import sentence

__all__ = [
    "API_FIELDS",
    "API_SECTIONS",
    "APPS",
    "COMPONENTS",
    "GROUPS",
    "UPSTREAMS",
    "WEBHOOKS",
    "PartKind",
    "api_path",
    "group_path",
]


@dataclass(frozen=True, slots=True)
class PartKind:
    """A list of the document. Titles are sentences of the catalog."""

    key: str
    title: str
    new: str
    about: str
    fields: tuple[Field, ...]
    sections: tuple[Section, ...]

    @property
    def where(self) -> Way:
        return (self.key,)

    @property
    def path(self) -> str:
        return f"/console/{self.key}"

    def page_of(self, name: object) -> str:
        return f"{self.path}/{name}"


APPS: Final = PartKind(
    "apps",
    sentence("Apps"),
    sentence("New app"),
    sentence("A mini program on a platform. Plugins log its users in."),
    fields_of(apps.App, "apps[]."),
    (Section("", ("name", "platform", "appid", "secret", "component", "platform_key", "data_key", "description")),),
)

COMPONENTS: Final = PartKind(
    "components",
    sentence("Third-party platforms"),
    sentence("New third-party platform"),
    sentence("A WeChat third-party platform logs in the users of mini programs that have authorised it."),
    fields_of(apps.Component, "components[]."),
    (Section("", ("name", "appid", "secret", "token", "message_key", "description")),),
)

UPSTREAMS: Final = PartKind(
    "upstreams",
    sentence("Upstreams"),
    sentence("New upstream"),
    sentence("A backend service: where it is, and how the gateway talks to it."),
    fields_of(document.Upstream, "upstreams[]."),
    (
        Section("", ("name", "endpoints", "description")),
        Section(sentence("Health and encryption"), ("health_check", "tls")),
        Section(sentence("Canary versions"), ("versions",)),
    ),
)

GROUPS: Final = PartKind(
    "groups",
    sentence("Groups and APIs"),
    sentence("New group"),
    sentence("Hosts and a path prefix; only the APIs that a group lists are let through to its upstream."),
    fields_of(document.Group, "groups[].", without=("apis",)),
    (Section("", ("name", "hosts", "prefix", "strip_prefix", "upstream", "description")),),
)

API_FIELDS: Final = fields_of(document.Api, "groups[].apis[].")
API_SECTIONS: Final = (Section("", ("name", "path", "methods", "access")),)

WEBHOOKS: Final = PartKind(
    "webhooks",
    sentence("Webhooks"),
    sentence("New webhook"),
    sentence("A webhook tells another service of logins, bans and closed accounts."),
    fields_of(user_pool.Webhook, "webhooks[]."),
    (Section("", ("name", "url", "secret", "events", "description")),),
)


def group_path(group: object) -> str:
    return GROUPS.page_of(group)


def api_path(group: object, api: object) -> str:
    """The page of an API of a group."""
    return f"{GROUPS.page_of(group)}/apis/{api}"
