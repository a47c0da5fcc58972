"""An avatar as an answer: whatever else the file is, no browser runs it."""

from __future__ import annotations

from menshen.gateway.avatars import answer_avatar
from menshen.users.avatars import Avatar
from tests.users.image_samples import gif


def test_a_polyglot_is_an_image_in_a_sandbox() -> None:
    content = gif() + b"<script>alert(document.cookie)</script>"
    answer = answer_avatar(Avatar("image/gif", content))
    headers = dict(answer.headers)
    assert (answer.status, answer.body, answer.passes) == (200, content, False)
    assert headers[b"content-type"] == b"image/gif"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"content-security-policy"] == b"default-src 'none'; sandbox"
    assert len(headers) == len(answer.headers)


def test_it_is_kept_by_nobody_but_its_reader_and_not_for_long() -> None:
    """Who closes his account is soon gone from everywhere (attack class 44)."""
    caching = dict(answer_avatar(Avatar("image/gif", gif())).headers)[b"cache-control"]
    assert b"private" in caching
    assert b"max-age=86400" in caching
