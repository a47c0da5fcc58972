"""d. Memory of an idle ``menshen serve``: node, workers and Envoy together."""

from __future__ import annotations

import time

from bench.accounting import Memory, memory, name_of, tree
from bench.report import Goal, Report
from bench.stage import Stage

__all__ = ["measure_idle"]

_MB = 1e6
_SETTLED = 2.0  # seconds after the first request


def measure_idle(stage: Stage) -> Report:
    """It has done a login, so that nothing is missing that the first request would load."""
    with stage.gateway("idle", "required") as gateway:
        stage.states(gateway, 10)
        time.sleep(_SETTLED)
        found = [(name_of(pid), memory([pid])) for pid in tree(gateway.pid)]
    total = sum((used for _, used in found), Memory(0, 0))
    return Report(
        "d. Idle memory of menshen serve",
        ["", "RSS MB", "PSS MB"],
        [[name, f"{m.rss / _MB:.0f}", f"{m.pss / _MB:.0f}"] for name, m in (*found, ("together", total))],
        [Goal("idle memory, PSS of all processes", total.pss / _MB, 300, "MB", at_least=False)],
        ["RSS counts pages that processes share once for each of them; PSS shares them out"],
    )
