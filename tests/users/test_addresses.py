"""One client, one key."""

from __future__ import annotations

import pytest

from menshen.users.addresses import address_key


@pytest.mark.parametrize(
    ("ip", "key"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0db8:0001:0002::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", "?"),
        ("unknown", "?unknown"),
        ("10.0.0.1 ", "?10.0.0.1 "),
    ],
)
def test_keys(ip: str, key: str) -> None:
    assert address_key(ip) == key
