"""A checked document to the snapshot that the gateway runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from menshen.config import apps as written_apps
from menshen.config import document as written
from menshen.config.compile_routes import routes_of
from menshen.config.compile_users import user_rules, webhook_rules
from menshen.config.custom_types import NO_CUSTOM_TYPES, CustomTypes
from menshen.config.document import Document
from menshen.config.login_rules import CodeAt, OpenDataAt, RefreshRules, SessionRules
from menshen.config.snapshot import (
    ApiSecurity,
    App,
    Component,
    HealthCheck,
    Listener,
    LoginPlugin,
    Route,
    Snapshot,
    Tls,
    TracingRules,
    Upstream,
    UpstreamTls,
    Version,
)
from menshen.config.templates import tells_user
from menshen.config.user_rules import AccountFields
from menshen.secret import Secret

__all__ = ["compile_snapshot"]


def compile_snapshot(document: Document, types: CustomTypes = NO_CUSTOM_TYPES) -> Snapshot:
    """The snapshot of a document without problems, sealed. Everything is in the document's order.

    ``types`` are the plugin types of the installation.
    """
    components = {component.name: _component(component) for component in document.components}
    apps = {app.name: _app(app, components) for app in document.apps}
    token = f"{document.listener.client_api}/token"
    logins = {plugin.name: _plugin(plugin, apps[plugin.app], token) for plugin in document.login_plugins()}
    routes = tuple(routes_of(document, logins, types))
    return Snapshot(
        routes=routes,
        upstreams=tuple(_upstream(upstream) for upstream in document.upstreams),
        apps=tuple(apps.values()),
        listener=_listener(document.listener),
        users=user_rules(document.users),
        webhooks=tuple(webhook_rules(webhook) for webhook in document.webhooks),
        components=tuple(components.values()),
        tracing=_tracing(document.tracing, routes),
    ).sealed()


def _component(component: written_apps.Component) -> Component:
    return Component(
        component.name,
        component.appid,
        component.secret,
        component.token,
        component.message_key,
        component.base_url,
    )


def _app(app: written_apps.App, components: Mapping[str, Component]) -> App:
    component = None if app.component is None else components[app.component]
    return App(
        app.name,
        app.platform,
        app.appid,
        app.secret or Secret(""),
        app.base_url if component is None else component.base_url,
        app.platform_key,
        app.data_key or Secret(""),
        _api_security(app.api_security),
        component,
    )


def _api_security(keys: written_apps.ApiSecurity | None) -> ApiSecurity | None:
    if keys is None:
        return None
    return ApiSecurity(
        keys.symmetric_key,
        keys.symmetric_key_sn,
        keys.private_key,
        keys.platform_certificate,
        keys.platform_certificate_sn,
    )


def _plugin(plugin: written.Plugin, app: App, token: str) -> LoginPlugin:
    return LoginPlugin(
        name=plugin.name,
        type=plugin.type,
        app=app,
        code=CodeAt(plugin.code.position, plugin.code.name),
        session=_session(plugin.session, token),
        identity=plugin.identity.pairs(),
        respond=plugin.respond,
        reply=plugin.reply,
        status=plugin.status,
        claims=plugin.claim_headers(),
        account=None if plugin.account is None else AccountFields(plugin.account.username, plugin.account.password),
        identity_tags=plugin.tags.identity,
        tells_user=tells_user(plugin.reply),
        open_data=None if plugin.open_data is None else OpenDataAt(**plugin.open_data.named()),
        refusals=plugin.refusals,
    )


def _session(session: written.Session, token: str) -> SessionRules:
    refresh = session.refresh
    return SessionRules(
        name=session.name,
        kind=session.kind,
        expires_in=session.expires_in,
        return_in=session.return_in,
        request_in=session.request_in,
        idle=session.idle or 0,
        renew_before=session.renew_before or 0,
        max_sessions=session.max_sessions or 0,
        refresh=None if refresh is None else RefreshRules(refresh.name, refresh.expires_in, token),
        claims=session.claims,
        prefix=session.prefix,
    )


def _upstream(upstream: written.Upstream) -> Upstream:
    health, tls = upstream.health_check, upstream.tls
    return Upstream(
        name=upstream.name,
        endpoints=upstream.endpoints,
        protocol=upstream.protocol,
        connect_timeout=upstream.connect_timeout,
        timeout=upstream.timeout,
        connect_retries=upstream.connect_retries,
        health_check=None
        if health is None
        else HealthCheck(health.path, health.interval, health.timeout, health.healthy_after, health.unhealthy_after),
        tls=None if tls is None else UpstreamTls(tls.server_name, tls.ca),
        versions=tuple(Version(version.name, version.endpoints) for version in upstream.versions),
        max_requests=upstream.max_requests or 0,
    )


def _listener(listener: written.Listener) -> Listener:
    tls = listener.tls
    return Listener(None if tls is None else Tls(tls.certificate, tls.key), listener.trusted_hops, listener.client_api)


def _tracing(tracing: written.Tracing | None, routes: Iterable[Route]) -> TracingRules | None:
    """A TraceID is linked with the gateway's own trace, so there is one even where nobody collects spans."""
    if tracing is None:
        return TracingRules() if any(tag.trace_id for route in routes for tag in route.tags) else None
    return TracingRules(tracing.otlp or "", tracing.sample, tracing.service, tracing.accept, tracing.keep_days)
