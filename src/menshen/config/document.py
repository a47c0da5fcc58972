"""The version 1 document, as operators declare it.

Types are strict: nothing is converted, ``"120"`` is not 120. A model says what one key may hold; what keys must be in
agreement with each other is in ``checks.py``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field
from pydantic import Tag as Branch

from menshen.config.apps import App, Component
from menshen.config.identity import (
    IDENTITY_CLAIMS,
    PRESETS,
    ClaimHeaders,
    IdentityHeaders,
    Preset,
    own_claim_header,
)
from menshen.config.login_request import Account, Code, OpenData
from menshen.config.login_rules import RequestPosition, ReturnPosition, SessionKind
from menshen.config.part import Items, Part
from menshen.config.plugins.canary import Canary
from menshen.config.plugins.cors import Cors
from menshen.config.plugins.custom import Custom
from menshen.config.plugins.ip_access import IpAccess
from menshen.config.plugins.jwt import Jwt
from menshen.config.plugins.key_pair import KeyPairAuth
from menshen.config.plugins.oauth import OAuth
from menshen.config.plugins.path_rewrite import PathRewrite
from menshen.config.plugins.rate_limit import RateLimit
from menshen.config.plugins.registry import AnyPlugin, kind_of
from menshen.config.plugins.req_transformer import ReqTransformer
from menshen.config.plugins.tag import LoginTags, Tag
from menshen.config.plugins.token import TokenPrefix
from menshen.config.presets import PresetName
from menshen.config.snapshot import Access, IdentityField, Respond, StatusStyle
from menshen.config.templates import RefusalKey
from menshen.config.user_pool import Users, Webhook
from menshen.config.values import (
    ApiPath,
    ApiRef,
    BaseUrl,
    ClaimName,
    ClientApi,
    CustomClaim,
    Description,
    EndpointAt,
    FilePath,
    HeaderName,
    HealthPath,
    Host,
    HostName,
    Method,
    Minutes,
    Name,
    ParameterName,
    Percent,
    Prefix,
    Seconds,
    TypeName,
    VersionOne,
)
from menshen.config.wording import refuse

__all__ = [
    "Api",
    "Binding",
    "Document",
    "Group",
    "HealthCheck",
    "Identity",
    "Listener",
    "Plugin",
    "Refresh",
    "Session",
    "Tls",
    "Tracing",
    "Upstream",
    "UpstreamTls",
    "Version",
]


class HealthCheck(Part):
    """Active HTTP health check; times in seconds."""

    path: HealthPath
    interval: Seconds = 5.0
    timeout: Seconds = 2.0
    healthy_after: Annotated[int, Field(ge=1, le=100)] = 2
    unhealthy_after: Annotated[int, Field(ge=1, le=100)] = 3


class UpstreamTls(Part):
    """TLS towards a backend. ``ca`` of "" is the system's store."""

    server_name: HostName
    ca: FilePath = ""


class Version(Part):
    """Other endpoints of the same service, for canaries; everything but the addresses is the upstream's."""

    name: Name
    endpoints: Annotated[Items[EndpointAt], Field(min_length=1)]


class Upstream(Part):
    """A backend service. Times in seconds; ``timeout`` 0 means no limit on the whole answer.

    ``max_requests`` is how many requests it may have at once, each version for itself.
    """

    name: Name
    endpoints: Annotated[Items[EndpointAt], Field(min_length=1)]
    versions: Annotated[Items[Version], Field(max_length=16)] = ()
    max_requests: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    protocol: Literal["http1", "http2"] = "http1"
    connect_timeout: Seconds = 1.0
    timeout: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 15.0
    connect_retries: Annotated[int, Field(ge=0, le=10)] = 2
    health_check: HealthCheck | None = None
    tls: UpstreamTls | None = None
    description: Description = ""


class Api(Part):
    """One path pattern of a group. No ``methods`` means every method; no ``access`` follows the bindings."""

    name: Name
    path: ApiPath
    methods: Annotated[Items[Method], Field(min_length=1)] | None = None
    access: Access | None = None


class Group(Part):
    """APIs under the same hosts and path prefix, served by one upstream."""

    name: Name
    hosts: Annotated[Items[Host], Field(min_length=1)] = ("*",)
    prefix: Prefix = "/"
    strip_prefix: bool = False
    upstream: Name
    apis: Items[Api] = ()
    description: Description = ""


class Refresh(Part):
    """Refresh tokens, with which a client gets a new login state without a login. ``expires_in`` is in minutes."""

    expires_in: Minutes
    name: ParameterName = "refresh_token"


class Session(Part):
    """How login states look, travel and end. ``expires_in``, ``idle`` and ``renew_before`` are in minutes.

    ``prefix`` may stand before a state in a request's header.
    """

    name: ParameterName = "user_session"
    prefix: TokenPrefix = ""
    kind: SessionKind = "sealed"
    expires_in: Minutes = 120
    idle: Minutes | None = None
    renew_before: Minutes | None = None
    max_sessions: Annotated[int, Field(ge=1, le=1000)] | None = None
    refresh: Refresh | None = None
    return_in: ReturnPosition = "header"
    request_in: RequestPosition = "header"
    claims: Annotated[Items[ClaimName], Field(max_length=16)] = ()


def _preset(value: Any) -> Any:
    if not isinstance(value, str) or value not in PRESETS:
        raise refuse(
            "must be menshen, cloudrun, or a mapping of identity field to header name",
            "必须是 menshen、cloudrun，或“身份字段: 头名称”的映射",
        )
    return value


def _header_form(value: Any) -> str:
    return "<mapping>" if isinstance(value, dict) else "<preset>"


class Identity(Part):
    """The headers that tell a backend who calls: a preset's, or a mapping of identity field to header name.

    ``claims`` maps custom claims to header names of the operator's choice.
    """

    headers: Annotated[
        Annotated[Preset, BeforeValidator(_preset), Branch("<preset>")]
        | Annotated[dict[IdentityField, HeaderName], Branch("<mapping>")],
        Discriminator(_header_form),
    ] = "menshen"
    claims: dict[CustomClaim, HeaderName] = Field(default_factory=dict)

    def pairs(self) -> IdentityHeaders:
        return tuple(self.headers.items()) if isinstance(self.headers, dict) else PRESETS[self.headers]


class Plugin(Part):
    """A login plugin. It does nothing until it is bound. What its ``preset`` says is in the other keys already."""

    name: Name
    type: TypeName
    app: Name
    preset: PresetName | None = None
    description: Description = ""
    code: Code = Code()
    account: Account | None = None
    open_data: OpenData | None = None
    session: Session = Session()
    identity: Identity = Identity()
    tags: LoginTags = LoginTags()
    respond: Respond = "upstream"
    reply: dict[str, Any] | None = None
    refusals: dict[RefusalKey, dict[str, Any]] | None = None
    status: StatusStyle = "menshen"

    def claim_headers(self) -> ClaimHeaders:
        """Each custom claim of the login states and the header that carries it."""
        return tuple(
            (claim, self.identity.claims.get(claim, own_claim_header(claim)))
            for claim in dict.fromkeys(self.session.claims)
            if claim not in IDENTITY_CLAIMS
        )


class Binding(Part):
    """Where a plugin applies: one of ``group`` and ``api`` (written ``group/api``) is given."""

    plugin: Name
    group: Name | None = None
    api: ApiRef | None = None


class Tls(Part):
    """Certificate chain and key, PEM files."""

    certificate: FilePath
    key: FilePath


class Listener(Part):
    """The public side. ``trusted_hops`` is the number of proxies in front of the gateway.

    Below ``client_api`` the gateway itself serves the user API; "" is nowhere.
    """

    tls: Tls | None = None
    trusted_hops: Annotated[int, Field(ge=0, le=16)] = 0
    client_api: ClientApi = "/v1"


class Tracing(Part):
    """Where spans go (OTLP over HTTP; none without ``otlp``), and how long TraceID values are kept.

    ``sample`` is percent. ``accept``: a caller's trace is continued, else a new one begins here.
    """

    otlp: BaseUrl | None = None
    sample: Percent = 100.0
    service: Name = "menshen"
    accept: bool = True
    keep_days: Annotated[int, Field(ge=1, le=365)] = 14


def _branch(value: Any) -> str:
    return f"<{kind_of(value)}>"


EveryPlugin = Annotated[
    Annotated[Plugin, Branch("<login>")]
    | Annotated[Canary, Branch("<Canary>")]
    | Annotated[Cors, Branch("<Cors>")]
    | Annotated[Custom, Branch("<custom>")]
    | Annotated[IpAccess, Branch("<IpAccess>")]
    | Annotated[Jwt, Branch("<Jwt>")]
    | Annotated[KeyPairAuth, Branch("<KeyPair>")]
    | Annotated[OAuth, Branch("<OAuth>")]
    | Annotated[PathRewrite, Branch("<PathRewrite>")]
    | Annotated[RateLimit, Branch("<RateLimit>")]
    | Annotated[ReqTransformer, Branch("<ReqTransformer>")]
    | Annotated[Tag, Branch("<Tag>")],
    Discriminator(_branch),
]


class Document(Part):
    """The whole configuration."""

    version: VersionOne
    components: Items[Component] = ()
    apps: Items[App] = ()
    upstreams: Items[Upstream] = ()
    groups: Items[Group] = ()
    plugins: Items[EveryPlugin] = ()
    bindings: Items[Binding] = ()
    listener: Listener = Listener()
    tracing: Tracing | None = None
    users: Users = Users()
    webhooks: Items[Webhook] = ()

    def login_plugins(self) -> tuple[Plugin, ...]:
        return tuple(plugin for plugin in self.plugins if isinstance(plugin, Plugin))

    def other_plugins(self) -> tuple[AnyPlugin, ...]:
        return tuple(plugin for plugin in self.plugins if not isinstance(plugin, Plugin))
