"""Which of a hundred buckets a request falls into: the number by which every weighted choice is made.

It depends on the user and on what is chosen, on nothing else: a user stays where he is while the weights stay, on every
node, and ``menshen route`` can say where without asking Envoy. ``envoy/tags.lua`` has the same hash.
"""

from __future__ import annotations

__all__ = ["BUCKETS", "bucket"]

BUCKETS = 100
_MASK = 0xFFFFFFFF


def bucket(salt: str, whose: str) -> int:
    """0 to 99. ``whose`` is the uid, or the id of a request that nobody is known to have made."""
    value = 0
    for octet in f"{salt}\0{whose}".encode():
        value = (value + octet) & _MASK
        value = (value + (value << 10)) & _MASK
        value ^= value >> 6
    value = (value + (value << 3)) & _MASK
    value ^= value >> 11
    value = (value + (value << 15)) & _MASK
    return value % BUCKETS
