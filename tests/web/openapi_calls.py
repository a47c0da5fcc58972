"""Calls that an OpenAPI document makes: as it says, and otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

__all__ = ["called"]

EXAMPLES: Final = 12
"""Of each operation, and of each way of calling it."""

CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def called(operation: Any, mode: GenerationMode, names: Mapping[str, list[str]], session: requests.Session) -> set[int]:
    """The statuses of its answers. ``names`` lead somewhere, by path parameter: chance would find none of them."""
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def calls(case: Any, data: st.DataObject) -> None:
        for name in case.path_parameters or {}:
            if names.get(name) and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(names[name]))
        headers = {"If-Match": "*"} if data.draw(st.booleans()) else {}
        statuses.add(case.call_and_validate(session=session, headers=headers, checks=CHECKS, timeout=90).status_code)

    try:
        calls()
    except Unsatisfiable:  # an operation that takes any text there is cannot be called otherwise
        assert mode is GenerationMode.NEGATIVE, operation.label
    return statuses
