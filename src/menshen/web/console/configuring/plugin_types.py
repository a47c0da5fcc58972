"""The types of plugins to choose from, each with the fields of its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from menshen.config import apps, document
from menshen.config.plugins.custom import Custom
from menshen.config.plugins.registry import PARTS
from menshen.gateway.plugin_loading import InstalledTypes
from menshen.platforms.installed import installed_platforms
from menshen.platforms.words import words_of
from menshen.web.console.forms.field import Field, fields_of
from menshen.web.console.forms.layout import PLAIN, Section
from menshen.web.console.language import CHINESE, sentence

__all__ = ["NEW_APP", "PluginType", "plugin_type", "plugin_types"]

NEW_APP: Final = "new_app"
"""The key of the app that the form of a login plugin makes with the plugin."""


@dataclass(frozen=True, slots=True)
class PluginType:
    """``title`` and ``about`` are sentences of the catalog, with places for ``values``. ``platform`` is that of a login
    plugin, "" for others.

    ``own``: the installation brings it; ``broken`` says why it cannot be used, else "".
    """

    name: str
    title: str
    about: str
    fields: tuple[Field, ...] = ()
    sections: tuple[Section, ...] = PLAIN
    platform: str = ""
    own: bool = False
    broken: str = ""

    def values(self, locale: str) -> dict[str, str]:
        """What stands in the places of its sentences."""
        if not self.platform:
            return {}
        words = words_of(installed_platforms().adapters[self.platform])
        return {"platform": words.title[locale == CHINESE], "call": words.login_call}


_LOGIN: Final = (
    sentence("%(platform)s mini-program login"),
    sentence("Exchanges the code of %(call)s, gives the mini program a login state and checks it on every request."),
)

_OTHERS: Final[Mapping[str, tuple[str, str]]] = {
    "Tag": (sentence("Tags"), sentence("Lifts request parameters into tags that route, limit and trace.")),
    "Canary": (sentence("Canary"), sentence("Chooses among the versions of the upstream by tags and weights.")),
    "ReqTransformer": (
        sentence("Request colouring"),
        sentence("Gives a share of the requests that fit a tag or a header."),
    ),
    "RateLimit": (
        sentence("Rate limit"),
        sentence("Limits requests a second by API, group, user, address or tag."),
    ),
    "IpAccess": (sentence("IP allow and deny lists"), sentence("Lets addresses in, or keeps them out.")),
    "Cors": (sentence("Cross-origin requests"), sentence("Lets web pages of other origins call, preflights and all.")),
    "PathRewrite": (sentence("Path rewrite"), sentence("Changes the path that the backend sees.")),
    "Jwt": (sentence("JWT check"), sentence("Checks tokens of another issuer by its public keys.")),
    "OAuth": (sentence("OAuth check"), sentence("Asks a service of yours about every token.")),
    "KeyPair": (sentence("Key-pair signatures"), sentence("Checks signed calls of other servers.")),
}

_LOGIN_SECTIONS: Final = (
    Section(sentence("Basic information"), ("name", "description", "preset")),
    Section(sentence("Parameter settings"), ("app", f"{NEW_APP}.appid", f"{NEW_APP}.secret", f"{NEW_APP}.name")),
    Section(sentence("Getting the code"), ("code.in", "code.name")),
    Section(
        sentence("Returning the login state to the mini program"),
        ("session.name", "session.return_in", "session.expires_in"),
    ),
    Section(sentence("Checking the login state"), ("session.request_in", "identity.headers")),
    Section(sentence("Request parameters as tags"), ("tags.identity", "tags.request")),
)
"""The fields of TSF's form, in its order, and what stands for many of them; the rest is what TSF does not have."""

_APP_FIELDS: Final = fields_of(
    apps.App, "apps[].", without=("platform", "component", "api_security", "base_url", "description")
)
_LOGIN_FIELDS: Final = (
    *fields_of(document.Plugin, "plugins[].", without=("type",)),
    Field(
        NEW_APP,
        NEW_APP,
        "part",
        fields=tuple(replace(each, required=each.key in ("appid", "secret")) for each in _APP_FIELDS),
    ),
)


def plugin_types(installed: InstalledTypes) -> list[PluginType]:
    """All of them: login plugins, Menshen's own, the installation's."""
    logins = [
        PluginType(name, *_LOGIN, _LOGIN_FIELDS, _LOGIN_SECTIONS, platform)
        for name, platform in installed.logins.items()
    ]
    others = [
        PluginType(name, *_OTHERS.get(name, ("", "")), fields_of(PARTS[name], f"{name}.", without=("type",)))
        for name in sorted(PARTS, key=lambda each: [*_OTHERS, each].index(each))
    ]
    return [*logins, *others, *(_installed(installed, name) for name in installed.names())]


def plugin_type(installed: InstalledTypes, name: str) -> PluginType | None:
    """None where there is no such type."""
    return next((each for each in plugin_types(installed) if each.name == name), None)


def _installed(installed: InstalledTypes, name: str) -> PluginType:
    """Its parameters have the fields of its own model, or, where there is none to be had, are YAML."""
    found = installed.installed(name)
    own = fields_of(Custom, f"{name}.", without=("type", "parameters"))
    code = None if found is None else found.code
    if code is None:
        parameters = Field("parameters", f"{name}.parameters", "yaml", required=True)
    else:
        inner = fields_of(code.parameters, f"{name}.parameters.")
        parameters = Field("parameters", f"{name}.parameters", "part", required=True, fields=inner)
    return PluginType(
        name,
        sentence("A type of this installation"),
        sentence("Brought by a package that is installed beside Menshen."),
        (*own, parameters),
        own=True,
        broken="" if found is None else found.broken,
    )
