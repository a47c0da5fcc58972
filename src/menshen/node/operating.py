"""The operator's side of a node: users, sessions, logs, traces, webhooks, keys, for the admin API and the console."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from menshen.config.user_rules import WebhookRules
from menshen.documents.configuration import Configuration
from menshen.documents.dry_runs import DryRuns
from menshen.documents.schemas import plugin_types
from menshen.envoy.dry_run import find_way
from menshen.gateway.plugin_loading import installed_types
from menshen.operators.key_desk import KeyDesk
from menshen.sessions.claims import new_id
from menshen.sessions.records import SessionRecords
from menshen.storage.webhook_deliveries import Attempted
from menshen.users.avatars import Avatars
from menshen.users.deliveries import Deliveries
from menshen.users.directory import UserDirectory
from menshen.users.ending import SessionEndings
from menshen.users.life import UserLife
from menshen.users.personal import PersonalData
from menshen.users.phones import PhoneNumbers
from menshen.users.profiles import Profiles
from menshen.web.admin_api.config import config_endpoints
from menshen.web.admin_api.dry_run import dry_run_endpoints
from menshen.web.admin_api.endpoint import Endpoint
from menshen.web.admin_api.keys import key_endpoints
from menshen.web.admin_api.logs import log_endpoints
from menshen.web.admin_api.revisions import revision_endpoints
from menshen.web.admin_api.sessions import session_endpoints
from menshen.web.admin_api.traces import trace_endpoints
from menshen.web.admin_api.users import user_endpoints
from menshen.web.admin_api.webhooks import webhook_endpoints
from menshen.web.console.people.keys import key_views
from menshen.web.console.people.logins import login_views
from menshen.web.console.people.sessions import session_views
from menshen.web.console.people.user_changes import user_change_views
from menshen.web.console.people.users import UserPage, user_views
from menshen.web.console.people.webhooks import webhook_views
from menshen.web.console.view import View

__all__ = ["Operating", "avatars_of", "configuration_endpoints", "operating_on", "operator_endpoints", "people_views"]


@dataclass(frozen=True, slots=True)
class Operating:
    """What both sides work with. ``apps``: name -> (platform, appid)."""

    records: SessionRecords
    endings: SessionEndings
    directory: UserDirectory
    life: UserLife
    personal: PersonalData
    deliveries: Deliveries
    keys: KeyDesk
    apps: Callable[[], Mapping[str, tuple[str, str]]]
    webhooks: Callable[[], Sequence[WebhookRules]]
    test_webhook: Callable[[str], Awaitable[Attempted]]


def avatars_of(records: SessionRecords, data_dir: Path) -> Avatars:
    """The avatars of a data directory."""
    return Avatars(data_dir / "avatars", Profiles(records.database), lambda: new_id(secrets.token_bytes))


def operating_on(
    records: SessionRecords,
    avatars: Avatars,
    master_key: bytes,
    apps: Callable[[], Mapping[str, tuple[str, str]]],
    webhooks: Callable[[], Sequence[WebhookRules]],
    test_webhook: Callable[[str], Awaitable[Attempted]],
    keys: Path,
) -> Operating:
    """``apps`` and ``webhooks`` are those of the running revision, ``keys`` is the directory of the key files."""
    database, clock, numbers = records.database, time.time, PhoneNumbers(master_key)
    return Operating(
        records=records,
        endings=SessionEndings(database, clock),
        directory=UserDirectory(database, clock, numbers.digest),
        life=UserLife(database, clock, avatars.erase),
        personal=PersonalData(database, numbers, clock),
        deliveries=Deliveries(database, clock),
        keys=KeyDesk(keys, database, clock),
        apps=apps,
        webhooks=webhooks,
        test_webhook=test_webhook,
    )


def operator_endpoints(on: Operating) -> list[Endpoint]:
    """What the admin API says and does about people and operations."""
    return [
        *session_endpoints(on.records, on.endings, on.apps),
        *user_endpoints(on.directory, on.life, on.personal, on.webhooks),
        *log_endpoints(on.directory),
        *trace_endpoints(on.records.database),
        *webhook_endpoints(on.deliveries, on.webhooks, on.test_webhook),
        *key_endpoints(on.keys),
    ]


def people_views(on: Operating) -> list[View]:
    """The same at the console."""
    page = UserPage(on.directory, on.records, time.time)
    return [
        *user_views(on.directory, page),
        *user_change_views(page, on.life, on.endings, on.personal, on.webhooks),
        *session_views(on.records, on.endings, on.apps),
        *login_views(on.directory, on.apps),
        *key_views(on.keys),
        *webhook_views(on.deliveries, on.webhooks, on.test_webhook),
    ]


def configuration_endpoints(configuration: Configuration) -> list[Endpoint]:
    """The document, its revisions, the plugin types of this installation, and the dry run."""
    return [
        *config_endpoints(configuration),
        *revision_endpoints(configuration, lambda: plugin_types(installed_types())),
        *dry_run_endpoints(DryRuns(configuration, find_way)),
    ]
