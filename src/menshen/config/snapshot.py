"""The compiled form of one revision: frozen, resolved, with a checksum.

The document (``document.py``) is what operators write; a :class:`Snapshot` is what the gateway runs. Names are resolved
to the things they name, ``${ENV}`` to values, bindings to a plugin per route, so that nothing is looked up or parsed
while a request waits. Envoy's routes and the brain are built from the same snapshot and share its checksum: a request
stamped with another checksum is refused (attack class 18, a stale view of the routes).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from menshen.config.login_rules import CodeAt, OpenDataAt, SessionRules
from menshen.config.route_rules import (
    CanaryRule,
    ClientTag,
    CorsRules,
    CustomRules,
    IdentityTag,
    IpRules,
    JwtRules,
    KeyPairRules,
    LimitRule,
    OAuthRules,
    RewriteRule,
    TransformRules,
)
from menshen.config.user_rules import AccountFields, UserRules, WebhookRules
from menshen.secret import Secret

__all__ = [
    "ApiSecurity",
    "App",
    "Component",
    "Endpoint",
    "HealthCheck",
    "IdentityField",
    "Listener",
    "LoginPlugin",
    "Route",
    "Snapshot",
    "Tls",
    "TracingRules",
    "Upstream",
    "UpstreamTls",
    "Version",
    "decode_snapshot",
    "encode_snapshot",
]

Access = Literal["required", "optional", "public"]
Respond = Literal["upstream", "gateway"]
StatusStyle = Literal["menshen", "tsf"]
IdentityField = Literal[
    "user", "platform", "app", "appid", "openid", "unionid", "account", "session", "source", "session_key", "assertion"
]


@dataclass(frozen=True, slots=True)
class ApiSecurity:
    """What calls are encrypted with (``symmetric_key``), signed with, and their answers checked with.

    ``sn`` are the numbers that the platform gave these keys.
    """

    symmetric_key: Secret
    symmetric_key_sn: str
    private_key: Secret
    platform_certificate: str = field(repr=False)
    platform_certificate_sn: str


@dataclass(frozen=True, slots=True)
class Component:
    """A WeChat third-party platform. ``token`` and ``message_key`` are for what WeChat pushes."""

    name: str
    appid: str
    secret: Secret
    token: Secret
    message_key: Secret
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """One mini program on one platform. ``base_url`` of "" is the platform's own address.

    ``component`` is what it logs in by; ``secret`` is "" then, and ``base_url`` the component's.
    ``platform_key`` and ``data_key`` are "" where the platform has no such key; without ``api_security`` calls are
    neither encrypted nor signed.
    """

    name: str
    platform: str
    appid: str
    secret: Secret
    base_url: str = ""
    platform_key: str = field(default="", repr=False)
    data_key: Secret = field(default_factory=lambda: Secret(""))
    api_security: ApiSecurity | None = None
    component: Component | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret that no client may ever send."""
        if self.component is None:
            return (self.secret,)
        return (self.component.secret, self.component.token, self.component.message_key)


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int

    def __str__(self) -> str:
        """``HOST:PORT``, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Active HTTP health check of an upstream; all times in seconds."""

    path: str
    interval: float
    timeout: float
    healthy_after: int
    unhealthy_after: int


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """TLS towards a backend. ``ca`` of "" is the system's store; ``server_name`` must be in the certificate."""

    server_name: str
    ca: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """Other endpoints of an upstream."""

    name: str
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Upstream:
    """A backend service. Times in seconds; ``timeout`` 0 means no limit on the whole answer.

    ``max_requests`` at once, 0: as many as come.
    """

    name: str
    endpoints: tuple[Endpoint, ...]
    protocol: Literal["http1", "http2"] = "http1"
    connect_timeout: float = 1.0
    timeout: float = 15.0
    connect_retries: int = 2
    health_check: HealthCheck | None = None
    tls: UpstreamTls | None = None
    versions: tuple[Version, ...] = ()
    max_requests: int = 0


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate chain and key, PEM files that Envoy watches."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Listener:
    """The public side. ``trusted_hops`` proxies stand in front of Envoy; 0 believes no X-Forwarded-For at all.

    ``client_api`` is the path under which the gateway itself serves the user API; "" is nowhere.
    """

    tls: Tls | None = None
    trusted_hops: int = 0
    client_api: str = "/v1"


@dataclass(frozen=True, slots=True)
class LoginPlugin:
    """A login plugin with its app resolved.

    ``identity`` pairs an identity field with the header that carries it (header names lower-case), ``claims`` a claim
    of the user record with its header.
    ``reply`` is the JSON template of ``respond: gateway``, and ``tells_user`` whether it says more of the user than
    his login state does; ``account`` names username and password beside the code, ``open_data`` the platform's data.
    ``refusals`` are JSON templates of the brain's refusals, where they are not our own: by reason, action, or ``any``.
    """

    name: str
    type: str
    app: App
    code: CodeAt
    session: SessionRules
    identity: tuple[tuple[IdentityField, str], ...]
    respond: Respond = "upstream"
    reply: dict[str, Any] | None = None
    status: StatusStyle = "menshen"
    claims: tuple[tuple[str, str], ...] = ()
    account: AccountFields | None = None
    identity_tags: tuple[IdentityTag, ...] = ()
    tells_user: bool = False
    open_data: OpenDataAt | None = None
    refusals: dict[str, dict[str, Any]] | None = None

    @property
    def open_data_headers(self) -> tuple[str, ...]:
        """The headers that carry open data, lower-case."""
        if self.open_data is None or self.code.position != "header":
            return ()
        return tuple(name.lower() for name in self.open_data.names)


@dataclass(frozen=True, slots=True)
class Route:
    """One API of one group, ready to be matched by Envoy and looked up by the brain.

    ``id`` is ``group/api``; ``path`` is the API's own pattern (``/orders/{id}``, ``/static/*``) without the prefix;
    no ``methods`` means every method. The guards, which are ``login``, ``jwt``, ``oauth``, ``key_pair`` and ``custom``,
    are all None or empty exactly where ``access`` is public.
    """

    id: str
    group: str
    api: str
    hosts: tuple[str, ...]
    prefix: str
    strip_prefix: bool
    path: str
    methods: tuple[str, ...]
    access: Access
    upstream: str
    login: LoginPlugin | None = None
    identity_headers: tuple[str, ...] = ()
    """Names that are "" where nobody sets them, so that a backend never reads a forged or missing one."""
    tags: tuple[ClientTag, ...] = ()
    canary: tuple[CanaryRule, ...] = ()
    limits: tuple[LimitRule, ...] = ()
    ip_access: tuple[IpRules, ...] = ()
    cors: CorsRules | None = None
    rewrites: tuple[RewriteRule, ...] = ()
    transforms: tuple[TransformRules, ...] = ()
    jwt: JwtRules | None = None
    oauth: OAuthRules | None = None
    key_pair: KeyPairRules | None = None
    custom: tuple[CustomRules, ...] = ()

    @property
    def asks_brain(self) -> bool:
        """Whether a guard of this route needs the brain."""
        return bool(self.login or self.oauth or self.key_pair or self.custom)

    @property
    def needs_uid(self) -> bool:
        """Whether Envoy chooses or counts by user here."""
        if not self.canary and not self.limits:
            return False  # asked on every check
        return any(rule.sticky for rule in self.canary) or any(limit.by == "user" for limit in self.limits)

    @property
    def identity_tags(self) -> tuple[IdentityTag, ...]:
        """What of the user and his identity is told as tags here."""
        return () if self.login is None else self.login.identity_tags


@dataclass(frozen=True, slots=True)
class TracingRules:
    """``otlp`` is the base URL of a collector, or "": trace ids then, and no spans. ``sample`` in percent."""

    otlp: str = ""
    sample: float = 100.0
    service: str = "menshen"
    accept: bool = True
    keep_days: int = 14


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One revision, compiled. ``checksum`` is 32 hex digits over everything else."""

    routes: tuple[Route, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    apps: tuple[App, ...] = ()
    listener: Listener = field(default_factory=Listener)
    users: UserRules = field(default_factory=UserRules)
    webhooks: tuple[WebhookRules, ...] = ()
    components: tuple[Component, ...] = ()
    tracing: TracingRules | None = None
    """None where nothing is traced and no route has a TraceID."""
    checksum: str = ""

    def sealed(self) -> Snapshot:
        """The same snapshot with its checksum filled in."""
        blank = replace(self, checksum="")
        return replace(blank, checksum=hashlib.sha256(encode_snapshot(blank)).hexdigest()[:32])


def _enc(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError


def _dec(type_: type, value: Any) -> Any:
    if type_ is Secret:
        return Secret(value)
    raise NotImplementedError


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """JSON for the private channel between the node and its workers. It holds AppSecrets: never write it to a file."""
    return msgspec.json.encode(snapshot, enc_hook=_enc, order="deterministic")


def decode_snapshot(data: bytes) -> Snapshot:
    return msgspec.json.decode(data, type=Snapshot, dec_hook=_dec)
