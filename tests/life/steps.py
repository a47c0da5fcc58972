"""What may happen, how often, and with what: names of methods of the machine, and their arguments."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from menshen.sessions.keys import FILES
from tests.life.model import BACK
from tests.life.samples import USERS

__all__ = ["RECENT", "a_step"]

WORKERS = st.integers(0, 1)
RECENT = st.one_of(st.integers(0, 2), st.integers(0, 30))
"""Which of its kind is meant: those that are good come first, of them the newest."""

DURING = st.sampled_from(["nothing", "nothing", "worker", "node"])
"""Who is killed while keys change."""

STEPS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "log_in": (
        3,
        {
            "plugin": RECENT,
            "who": st.sampled_from(USERS),
            "worker": WORKERS,
            "presented": st.none() | RECENT,
            "twice": st.booleans(),
        },
    ),
    "use": (2, {"state": RECENT, "worker": WORKERS, "plugin": st.none() | RECENT}),
    "use_when_due": (
        4,
        {
            "one": RECENT,
            "worker": WORKERS,
            "off": st.sampled_from([-1.0, -0.25, 0.0, 0.25, 10.0]),
            "killed": st.booleans(),
        },
    ),
    "look_at_own_sessions": (1, {"state": RECENT, "worker": WORKERS}),
    "refresh": (
        3,
        {
            "token": RECENT,
            "worker": WORKERS,
            "later": st.sampled_from([0.0, 0.25, 0.25, 4.0, 60.0]),
            "sent": st.sampled_from(["now", "before", "with", "after"]),
            "spent": st.booleans(),
        },
    ),
    "refresh_twice_at_once": (1, {"token": RECENT}),
    "refresh_while_it_is_revoked": (1, {"token": RECENT, "worker": WORKERS}),
    "log_out": (
        2,
        {
            "state": RECENT,
            "worker": WORKERS,
            "which": st.sampled_from(["own", "own", "all", "other"]),
            "other": RECENT,
        },
    ),
    "revoke": (
        3,
        {
            "which": st.sampled_from(["session", "session", "user", "app", "app", "all"]),
            "one": RECENT,
            "before": st.sampled_from([0, 0, 0, 1, "now", "soon", None]),
            "silent": st.booleans(),
        },
    ),
    "rotate_keys": (
        1,
        {"purpose": st.sampled_from(list(FILES)), "edwards": st.booleans(), "during": DURING, "worker": WORKERS},
    ),
    "retire_key": (1, {"old": RECENT, "during": DURING, "worker": WORKERS}),
    "restart": (1, {"which": st.integers(0, 2)}),
    "wait": (1, {"seconds": st.sampled_from([0.25, 1.0, 6.0, 61.0, 301.0, 1000.0, 90_000.0]), "tidy": st.booleans()}),
    "wait_for": (
        3,
        {
            "one": RECENT,
            "moment": st.integers(0, 20),
            "off": st.sampled_from([-1.0, -0.25, 0.0, 0.25, 1.0, 2.0]),
            "tidy": st.booleans(),
            "back": st.sampled_from([0.0, 0.0, 2.0, BACK]),
        },
    ),
    "set_back": (1, {"seconds": st.sampled_from([0.25, 1.0, 2.0, BACK])}),
}
"""Rules of their own would be left out by the dozen: Hypothesis turns many of a machine's rules off in each example,
which is too much of that in a run of half a minute."""


def a_step() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    each = {name: st.tuples(st.just(name), st.fixed_dictionaries(parts)) for name, (_, parts) in STEPS.items()}
    return st.sampled_from([name for name, (often, _) in STEPS.items() for _ in range(often)]).flatmap(each.__getitem__)
