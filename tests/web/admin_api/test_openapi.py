"""The document says what the table says."""

from __future__ import annotations

from menshen.web.admin_api.openapi import described
from tests.web.admin_api.test_dispatch import echo, endpoints


def test_every_endpoint_is_described_with_its_scope_query_body_and_refusals() -> None:
    document = described(endpoints(echo))
    assert document["openapi"] == "3.1.0"
    get, post = document["paths"]["/"]["get"], document["paths"]["/"]["post"]
    assert get["security"] == [{"bearer": []}]
    assert "users:read" in get["description"]
    assert [each["name"] for each in get["parameters"]] == ["limit", "word", "below"]
    assert not any(each["required"] for each in get["parameters"])
    assert {"200", "400", "401", "403", "503"} <= get["responses"].keys()
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Asked"}
    assert document["components"]["schemas"]["Asked"]["required"] == ["name"]
    assert document["components"]["schemas"]["Asked"]["additionalProperties"] is False


def test_who_may_call_without_a_token_is_said() -> None:
    document = described(endpoints(echo, needs=None))
    assert "security" not in document["paths"]["/"]["get"]
    assert "401" not in document["paths"]["/"]["get"]["responses"]
