"""The secret of the installation's proxies."""

from __future__ import annotations

import pytest

from menshen.errors import KeyRingInvalid
from menshen.storage.proxy_secret import PROXY_SECRET_VARIABLE, proxy_secret

KEY = bytes(range(32))


def test_it_is_the_master_keys_own_and_the_same_on_every_node() -> None:
    assert proxy_secret(KEY, {}) == proxy_secret(KEY, {})
    assert proxy_secret(KEY, {}) != proxy_secret(KEY[::-1], {})
    assert len(proxy_secret(KEY, {}).reveal()) == 43


def test_one_that_is_given_counts() -> None:
    given = "planted-secret-of-a-proxy-0123456789"
    assert proxy_secret(KEY, {PROXY_SECRET_VARIABLE: given}).reveal() == given


@pytest.mark.parametrize("given", ["", "short", "x" * 31, 'x" ; } server { x' + "x" * 32, "x" * 40 + "\n", "$" * 40])
def test_one_that_could_be_guessed_or_misread_is_refused(given: str) -> None:
    with pytest.raises(KeyRingInvalid, match=PROXY_SECRET_VARIABLE):
        proxy_secret(KEY, {PROXY_SECRET_VARIABLE: given})
