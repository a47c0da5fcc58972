"""The path that a backend gets of a request, as Envoy's entry for it says: without credentials, rewritten."""

from __future__ import annotations

import re
from urllib.parse import unquote

import re2

from menshen.envoy.credentials import CREDENTIALS
from menshen.envoy.rewrites import UNSOUND_PATHS
from menshen.envoy.typed import Json

__all__ = ["forwarded_target"]


def forwarded_target(entry: Json, target: str) -> str | None:
    """``target`` is the normal path with its query; None where a rewrite would make an unsound one."""
    return _rewritten(entry["route"], _without_credentials(entry, target))


def _rewritten(action: Json, target: str) -> str | None:
    """The path that the backend gets, with the query as it is."""
    rewrite = action.get("regex_rewrite")
    if rewrite is None:
        return target
    path, mark, query = target.partition("?")
    made = str(re2.sub(rewrite["pattern"]["regex"], rewrite["substitution"], path))
    if "\\" in rewrite["substitution"] and re2.fullmatch(UNSOUND_PATHS, made):
        return None
    return made + mark + query


def _without_credentials(entry: Json, target: str) -> str:
    """The query as ``credentials.lua`` leaves it."""
    names = entry["typed_per_filter_config"].get(CREDENTIALS, {}).get("filter_context", {})
    path, _, query = target.partition("?")
    sent = re.findall("[^&]+", query)
    kept = [pair for pair in sent if unquote(pair.partition("=")[0], "latin-1") not in names]
    if len(kept) == len(sent):
        return target
    return f"{path}?{'&'.join(kept)}" if kept else path
