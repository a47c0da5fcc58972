from __future__ import annotations

import typing

from menshen.config.identity import PRESETS, own_claim_header
from menshen.config.reserved import fold
from menshen.config.snapshot import IdentityField


def test_presets_are_what_the_contract_says() -> None:
    fields = ("user", "platform", "appid", "openid", "unionid", "account", "session", "assertion")
    assert PRESETS["menshen"] == tuple((field, f"x-menshen-{field}") for field in fields)
    assert dict(PRESETS["cloudrun"]) == {
        "openid": "x-wx-openid",
        "appid": "x-wx-appid",
        "unionid": "x-wx-unionid",
        "source": "x-wx-source",
    }


def test_presets_name_fields_that_exist_in_folded_headers_and_never_the_session_key() -> None:
    for pairs in PRESETS.values():
        assert all(field in typing.get_args(IdentityField) and header == fold(header) for field, header in pairs)
        assert "session_key" not in dict(pairs)


def test_a_custom_claim_has_a_header_of_its_own() -> None:
    assert own_claim_header("member_level") == "x-menshen-claim-member-level"
