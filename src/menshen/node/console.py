"""The console of a node: every view, with what it shows and does put in."""

from __future__ import annotations

from collections.abc import Sequence

from menshen.operators.service import OperatorService
from menshen.web.console.preferences import preference_views
from menshen.web.console.sign_in import sign_in_views
from menshen.web.console.sign_in_link import link_views
from menshen.web.console.view import View

__all__ = ["console_views"]


def console_views(operators: OperatorService, trying: Sequence[View]) -> Sequence[View]:
    """In the order of the navigation. ``trying`` are the views of the "Try it" page."""
    return [*preference_views(), *sign_in_views(operators), *link_views(operators.links.use), *trying]
