"""Django middleware: ``request.user``, under WSGI and ASGI.

It stands where ``AuthenticationMiddleware`` would, and replaces what one before it has set. Settings::

    MIDDLEWARE = ["menshen.backend.django.AssertionMiddleware", ...]
    MENSHEN = {"UPSTREAM": "orders", "KEYS": "https://gate.example.com/.well-known/jwks.json"}
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from menshen.backend.callers import Source, who, who_async
from menshen.backend.headers import forget_plain, wsgi_headers
from menshen.backend.refusals import BackendRefusal
from menshen.backend.trusted_network import TrustedNetwork
from menshen.backend.verifier import Verifier

__all__ = ["AssertionMiddleware"]


class AssertionMiddleware:
    """``MENSHEN`` has ``UPSTREAM`` and ``KEYS`` (a URL, a function that gives the JWK Set's bytes, or ``Keys``), or
    ``TRUSTED_NETWORK: True`` instead of them; ``OPTIONAL: True`` lets who has not logged in through, as ``ANONYMOUS``.
    Any other key, or both ways at once, is ``ImproperlyConfigured`` at start.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._source, self._optional = _configured(getattr(settings, "MENSHEN", None))
        self._async = iscoroutinefunction(get_response)
        if self._async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._async:
            return self._answered(request)
        try:
            user = who(self._source, wsgi_headers(request.META), optional=self._optional)
        except BackendRefusal as refusal:
            return _refused(refusal)
        return self._get_response(self._known(request, user))

    async def _answered(self, request: HttpRequest) -> HttpResponseBase:
        try:
            user = await who_async(self._source, wsgi_headers(request.META), optional=self._optional)
        except BackendRefusal as refusal:
            return _refused(refusal)
        return await self._get_response(self._known(request, user))

    def _known(self, request: Any, user: object) -> HttpRequest:
        request.user = user
        if not self._source.believes_headers:
            forget_plain(request.META)
            request.__dict__.pop("headers", None)  # a middleware before this one has read them: Django keeps them
        return request


def _refused(refusal: BackendRefusal) -> HttpResponseBase:
    return JsonResponse(refusal.body, status=refusal.status, json_dumps_params={"ensure_ascii": False})


def _configured(setting: Any) -> tuple[Source, bool]:
    match setting:
        case {"UPSTREAM": str(upstream), "KEYS": keys, **rest} if keys and not rest.keys() - {"OPTIONAL"}:
            return Verifier(upstream, keys), rest.get("OPTIONAL", False) is True
        case {"TRUSTED_NETWORK": True, **rest} if not rest.keys() - {"OPTIONAL"}:
            return TrustedNetwork(), rest.get("OPTIONAL", False) is True
    raise ImproperlyConfigured(
        "MENSHEN needs UPSTREAM and KEYS, or TRUSTED_NETWORK: True; it may have OPTIONAL, and nothing else"
    )
