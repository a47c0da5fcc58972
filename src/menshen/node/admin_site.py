"""What a node serves on its admin address: public keys and health, figures, the admin API, the console."""

from __future__ import annotations

import aiohttp
from starlette.types import ASGIApp

from menshen.documents.configuration import Configuration
from menshen.gateway.access_tokens import AccessTokens
from menshen.gateway.open_data import OpenData
from menshen.gateway.plugin_loading import installed_types
from menshen.node.console import console_views, rollout_views
from menshen.node.node import Node, NodeSettings
from menshen.node.operating import Operating, configuration_endpoints, operator_endpoints, people_views
from menshen.node.readings import NodeReadings
from menshen.node.trying import trying_views
from menshen.web.admin import admin_app
from menshen.web.admin_api.apps import app_endpoints, component_token_endpoints, session_key_endpoints
from menshen.web.admin_api.dispatch import admin_routes
from menshen.web.admin_api.endpoint import Endpoint
from menshen.web.admin_api.figures import figure_endpoints
from menshen.web.admin_api.openapi import with_openapi
from menshen.web.admin_api.operators import operator_account_endpoints
from menshen.web.admin_api.tokens import token_endpoints
from menshen.web.console.audit import audit_views
from menshen.web.console.configuring.views import configuration_views
from menshen.web.console.door import console_routes
from menshen.web.console.overview import overview_views
from menshen.web.console.view import View
from menshen.web.hosts import known_hosts_only
from menshen.web.metrics import metrics_route

__all__ = ["admin_site"]


def admin_site(
    node: Node,
    settings: NodeSettings,
    operating: Operating,
    configuration: Configuration,
    readings: NodeReadings,
    tokens: AccessTokens,
    open_data: OpenData,
    phone: aiohttp.ClientSession,
) -> ASGIApp:
    """``phone`` is the client with which the "Try it" page calls the gateway and the emulator."""
    endpoints: list[Endpoint] = [
        *operator_endpoints(operating),
        *operator_account_endpoints(node.operators),
        *token_endpoints(node.operators),
        *app_endpoints(tokens, node.configured_apps),
        *component_token_endpoints(tokens, lambda: node.snapshot.components),
        *session_key_endpoints(open_data, node.configured_apps),
        *configuration_endpoints(configuration),
        *figure_endpoints(readings.desk),
    ]
    views: list[View] = [
        *console_views(node.operators),
        *overview_views(readings.desk, lambda: len(node.snapshot.apps)),
        *trying_views(lambda: node.snapshot, settings.listen, phone, operating.records.database, operating.endings),
        *configuration_views(configuration, installed_types(), lambda: readings.now().endpoints),
        *rollout_views(configuration, node.documents.revisions, node.runs_here),
        *people_views(operating),
        *audit_views(operating.directory),
    ]
    routes = [
        metrics_route(readings.now),
        *admin_routes(with_openapi(endpoints), node.operators.access.principal_of_bearer),
        *console_routes(views, node.operators.access, settings.console_origin),
    ]
    admin = admin_app(node.jwks, node.session_jwks, node.parts, routes, facts=node.facts)
    return known_hosts_only(admin, settings.console_origin)
