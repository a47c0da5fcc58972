"""Whatever the OpenAPI document allows is answered as it says: no 5xx, no status and no body that it does not know."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from menshen.node.operating import configuration_endpoints
from menshen.web.admin import admin_app
from menshen.web.admin_api.dispatch import admin_routes
from menshen.web.admin_api.openapi import with_openapi
from menshen.web.serving import serving
from tests.documents.samples import CANARY, configured
from tests.web.admin_api.configuring import who

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoints, served by another thread: the test's own asks and waits."""
    ready: Future[str] = Future()
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def served(directory: Path) -> None:
        async with configured(directory) as (configuration, _):
            routes = admin_routes(with_openapi(configuration_endpoints(configuration)), who)
            async with serving(admin_app(dict, dict, dict, routes), "127.0.0.1", 0) as bound:
                ready.set_result(f"http://127.0.0.1:{bound.port}")
                await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(served(tmp_path_factory.mktemp("openapi")),))
    thread.start()
    yield ready.result(60)
    loop.call_soon_threadsafe(stop.set)
    thread.join(90)
    loop.close()


def test_every_call_is_answered_as_it_is_described(origin: str) -> None:
    document = schemathesis.openapi.from_url(f"{origin}/v1/openapi.json", timeout=90)
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 40
    for operation in operations:
        _try(operation)


def _try(operation: Any) -> None:
    @given(operation.as_strategy(), st.sampled_from(["*", '"1-0"', None]))
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    def answered(case: Any, etag: str | None) -> None:
        case.headers.pop("If-Match", None)
        headers = {"authorization": "Bearer owner", **({"if-match": etag} if etag else {})}
        response = case.call_and_validate(checks=CHECKS, headers=headers, timeout=90)
        assert CANARY not in response.text

    answered()
