"""The operator's side of a node over HTTP: sessions, users, logs, traces, webhooks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from menshen.config.user_rules import WebhookRules
from menshen.documents.configuration import Configuration
from menshen.documents.dry_runs import DryRuns
from menshen.documents.schemas import plugin_types
from menshen.envoy.dry_run import find_way
from menshen.gateway.plugin_loading import installed_types
from menshen.sessions.claims import new_id
from menshen.sessions.records import SessionRecords
from menshen.storage.webhook_deliveries import Attempted
from menshen.users.avatars import Avatars
from menshen.users.deliveries import Deliveries
from menshen.users.directory import UserDirectory
from menshen.users.life import UserLife
from menshen.users.phones import PhoneNumbers
from menshen.users.profiles import Profiles
from menshen.web.admin_api.config import config_endpoints
from menshen.web.admin_api.dry_run import dry_run_endpoints
from menshen.web.admin_api.endpoint import Endpoint
from menshen.web.admin_api.logs import log_endpoints
from menshen.web.admin_api.revisions import revision_endpoints
from menshen.web.admin_api.sessions import session_endpoints
from menshen.web.admin_api.traces import trace_endpoints
from menshen.web.admin_api.users import user_endpoints
from menshen.web.admin_api.webhooks import webhook_endpoints

__all__ = ["avatars_of", "configuration_endpoints", "operator_endpoints"]


def avatars_of(records: SessionRecords, data_dir: Path) -> Avatars:
    """The avatars of a data directory."""
    return Avatars(data_dir / "avatars", Profiles(records.database), lambda: new_id(secrets.token_bytes))


def operator_endpoints(
    records: SessionRecords,
    avatars: Avatars,
    master_key: bytes,
    apps: Callable[[], Mapping[str, tuple[str, str]]],
    webhooks: Callable[[], Sequence[WebhookRules]],
    test_webhook: Callable[[str], Awaitable[Attempted]],
) -> list[Endpoint]:
    """Everything below ``/v1`` of the admin address. ``apps`` and ``webhooks`` are those of the running revision."""
    database = records.database
    directory = UserDirectory(database, time.time, PhoneNumbers(master_key).digest)
    life = UserLife(database, time.time, avatars.erase)
    return [
        *session_endpoints(records, apps),
        *user_endpoints(directory, life, webhooks),
        *log_endpoints(directory),
        *trace_endpoints(database),
        *webhook_endpoints(Deliveries(database, time.time), webhooks, test_webhook),
    ]


def configuration_endpoints(configuration: Configuration) -> list[Endpoint]:
    """The document, its revisions, the plugin types of this installation, and the dry run."""
    return [
        *config_endpoints(configuration),
        *revision_endpoints(configuration, lambda: plugin_types(installed_types())),
        *dry_run_endpoints(DryRuns(configuration, find_way)),
    ]
