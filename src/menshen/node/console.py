"""Views of the console, with what they show and do put in."""

from __future__ import annotations

from collections.abc import Sequence

from menshen.documents.configuration import Configuration
from menshen.documents.dry_runs import DryRuns
from menshen.documents.history import History, RunsHere
from menshen.envoy.dry_run import find_way
from menshen.operators.service import OperatorService
from menshen.storage.revisions import Revisions
from menshen.web.console.me import me_views
from menshen.web.console.operators import operator_views
from menshen.web.console.preferences import preference_views
from menshen.web.console.rollout.canary import canary_views
from menshen.web.console.rollout.revisions import revision_views
from menshen.web.console.sign_in import sign_in_views
from menshen.web.console.sign_in_link import link_views
from menshen.web.console.tokens import token_views
from menshen.web.console.view import View

__all__ = ["console_views", "rollout_views"]


def console_views(operators: OperatorService) -> Sequence[View]:
    """Who works at the console, and how they come in."""
    return [
        *preference_views(),
        *sign_in_views(operators),
        *link_views(operators.links.use),
        *me_views(operators),
        *operator_views(operators),
        *token_views(operators),
    ]


def rollout_views(configuration: Configuration, revisions: Revisions, runs_here: RunsHere) -> Sequence[View]:
    """Revisions, canaries and the dry run. ``revisions`` are those of the configuration."""
    return [
        *canary_views(configuration, DryRuns(configuration, find_way)),
        *revision_views(configuration, History(revisions), runs_here),
    ]
