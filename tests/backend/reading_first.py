"""A Django middleware that looks at the headers before the gateway's."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

__all__ = ["ReadingFirst"]


class ReadingFirst(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        request.headers.get("Accept")  # Django keeps what it has read
