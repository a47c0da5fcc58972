"""Every page of the configuration."""

from __future__ import annotations

from menshen.documents.configuration import Configuration
from menshen.gateway.plugin_loading import InstalledTypes
from menshen.web.console.configuring.apps import app_views
from menshen.web.console.configuring.binding import binding_views
from menshen.web.console.configuring.components import component_views
from menshen.web.console.configuring.editor import Editor
from menshen.web.console.configuring.groups import group_views
from menshen.web.console.configuring.plugins import plugin_views
from menshen.web.console.configuring.settings import setting_views
from menshen.web.console.configuring.upstreams import Health, upstream_views
from menshen.web.console.configuring.webhooks import webhook_form_views
from menshen.web.console.configuring.whole import document_views
from menshen.web.console.forms.words import load_words
from menshen.web.console.view import View

__all__ = ["configuration_views"]


def configuration_views(configuration: Configuration, installed: InstalledTypes, health: Health) -> list[View]:
    """Third-party platforms, apps, upstreams, groups, plugins, bindings, settings, webhooks, the document itself."""
    editor = Editor(configuration, load_words())
    return [
        *app_views(editor),
        *component_views(editor),
        *upstream_views(editor, health),
        *group_views(editor),
        *plugin_views(editor, installed),
        *binding_views(editor),
        *setting_views(editor),
        *webhook_form_views(editor),
        *document_views(editor),
    ]
