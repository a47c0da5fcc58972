"""An avatar as an answer: the image that it was found to be, and nothing else in any browser.

A file that is an image and a page at once is served with the image's type, which nobody may second-guess (``nosniff``);
opened by itself it is a document in a sandbox without scripts, forms or an origin (stored XSS).
"""

from __future__ import annotations

from typing import Final

from menshen.gateway.answer import Answer
from menshen.users.avatars import Avatar

__all__ = ["AVATAR_HEADERS", "answer_avatar"]

AVATAR_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"content-disposition", b"inline"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    # For a day, in no shared cache: who closes his account is gone from everywhere soon. A new avatar has a new name.
    (b"cache-control", b"private, max-age=86400, immutable"),
)


def answer_avatar(avatar: Avatar) -> Answer:
    """``GET avatars/{name}``."""
    return Answer(False, 200, [(b"content-type", avatar.type.encode()), *AVATAR_HEADERS], avatar.content)
