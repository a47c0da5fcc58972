from __future__ import annotations

import pytest

from menshen.platforms.evidence import CAPABILITIES, evidence
from menshen.platforms.registry import APP_KEYS, PLATFORMS
from menshen.platforms.wechat_api_security import API_KEYS

EVIDENCE = evidence(PLATFORMS)


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_has_a_line_for_every_capability_and_says_where(name):
    lines = EVIDENCE[name]

    assert tuple(lines) == CAPABILITIES
    assert all(all(line.where) for line in lines.values())


@pytest.mark.parametrize("name", PLATFORMS)
def test_what_the_table_says_a_platform_has_is_what_its_adapter_has(name):
    adapter, lines = PLATFORMS[name], EVIDENCE[name]

    has = {capability for capability, line in lines.items() if line.confirmed != "none"}
    assert adapter.phone_codes == ("phone_codes" in has)
    assert adapter.session_checks == ("session_checks" in has)
    assert adapter.phone_data == ("phone_data" in has)
    assert adapter.open_data == bool(has & {"open_data", "phone_data"})
    # A secret that has a form is a private key. A platform_key is not always a key: WeCom's is a CorpID.
    assert bool(APP_KEYS[name].keys() & {"secret", *API_KEYS}) == ("signed_calls" in has)


def test_a_platform_without_a_table_is_refused():
    with pytest.raises(FileNotFoundError):
        evidence(["nowhere"])
