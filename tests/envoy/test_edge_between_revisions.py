"""Through a real Envoy: whatever a change is from and to, a request meets the old revision or the new one."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from menshen.config.snapshot import Endpoint
from menshen.envoy import Denied
from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import FakeServer
from tests.envoy.policies import KEY_SETS, POLICIES, PROBES, Judge, Probe, seen_by_backend
from tests.envoy.signed import token

SEED = 1
PAIRS = int(os.environ.get("CHANGES", "20"))
"""CHANGES=50 looks at more of them; this many fit into a run of all tests. Of many more Envoy dies: each listener that
was replaced keeps one of the 128 inotify instances that a user has, for ten minutes."""


@dataclass(frozen=True)
class Outcome:
    """Status, what gateway or backend said, and which of the headers that a client made up reached the backend."""

    status: int
    said: str = ""
    forged: frozenset[str] = frozenset()

    def like(self, others: Iterable[Outcome]) -> bool:
        """Whether one of these came to the same. Fewer made-up headers are no harm: while the providers of both
        revisions are there, Envoy removes what any of them writes."""
        return any((self.status, self.said) == (o.status, o.said) and self.forged <= o.forged for o in others)


STALE = Outcome(503, "route_stale")


def outcome(status: int, body: bytes) -> Outcome:
    if not body:
        return Outcome(status)
    said = json.loads(body)
    if "reason" in said:
        return Outcome(status, said["reason"])
    headers = said.pop("headers", [])
    real = [header for header in headers if header[1] != "forged"]
    return Outcome(status, json.dumps([said, real]), frozenset(name for name, value in headers if value == "forged"))


class Http1:
    """A connection that asks when it is told to, and again while the gateway lets it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def ask(self, probe: Probe) -> Outcome | None:
        """None where the connection was closed; then nothing was said of this request."""
        head = [f"{probe.method} {probe.target} HTTP/1.1", f"Host: {probe.host}"]
        lines = [*head, *(f"{name}: {value}" for name, value in probe.fields), "", ""]
        try:
            self._socket.sendall("\r\n".join(lines).encode())
            reply = http.client.HTTPResponse(self._socket, method=probe.method)
            reply.begin()
            return outcome(reply.status, reply.read())
        except (ConnectionError, http.client.BadStatusLine):
            return None

    def close(self) -> None:
        self._socket.close()


class Http2:
    """The same in HTTP/2, with prior knowledge."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._h2 = H2Connection(H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
        self._h2.initiate_connection()
        self._socket.sendall(self._h2.data_to_send())

    def ask(self, probe: Probe) -> Outcome | None:
        try:
            stream = self._h2.get_next_available_stream_id()
            where = [(":scheme", "http"), (":authority", probe.host), (":path", probe.target)]
            self._h2.send_headers(
                stream, [(":method", probe.method), *where, *((n.lower(), v) for n, v in probe.fields)], end_stream=True
            )
            self._socket.sendall(self._h2.data_to_send())
            return self._answer(stream)
        except (ConnectionError, ProtocolError):
            return None

    def _answer(self, stream: int) -> Outcome | None:
        status, body, gone = 0, b"", False
        while data := self._socket.recv(65536):
            for event in self._h2.receive_data(data):
                match event:
                    case ResponseReceived() if event.stream_id == stream:
                        status = int(dict(event.headers or ())[":status"])
                    case DataReceived() if event.stream_id == stream:
                        body += event.data or b""
                    case StreamEnded() if event.stream_id == stream:
                        return outcome(status, body)
                    case StreamReset():
                        return None
                    case ConnectionTerminated():
                        gone = gone or (event.last_stream_id or 0) < stream
            if gone:
                return None
        return None

    def close(self) -> None:
        self._socket.close()


Connect = Callable[[int], Http1 | Http2]
Told = tuple[str, str, float, Outcome]
"""On which kind of connection, which probe, when it was sent, and what became of it."""


@dataclass
class Stage:
    """A gateway with two backends. ``alone`` remembers what each policy does when nothing changes."""

    edge: Edge
    judge: Judge
    endpoints: tuple[Endpoint, Endpoint]
    alone: dict[tuple[str, str], dict[str, set[Outcome]]] = field(default_factory=dict)
    keys: str = "all"

    def run(self, name: str) -> None:
        snapshot = POLICIES[name].snapshot(*self.endpoints)
        self.judge.learn(name, snapshot)
        self.edge.run(self.edge.data_plane.apply(snapshot))

    def use_keys(self, keys: str) -> None:
        if keys != self.keys:
            self.edge.run(self.edge.data_plane.use_keys(KEY_SETS[keys]))
            self.keys = keys

    def look(self, name: str) -> dict[str, set[Outcome]]:
        """What the policy, which runs, does with each probe when nothing of another one is left."""
        if (name, self.keys) not in self.alone:
            self.edge.run(self._settled())
            found: dict[str, set[Outcome]] = {probe: set() for probe in PROBES}
            for connect, probe in itertools.product((Http1, Http2), PROBES):
                got = self.ask(connect, probe)
                assert got is not None
                found[probe].add(got)
            self.alone[name, self.keys] = found
        return self.alone[name, self.keys]

    def with_keys_of(self, old: str, new: str) -> Iterator[dict[str, set[Outcome]]]:
        """What lies between two policies with other keys: the old one, which runs, with those of the new one."""
        before = self.keys
        if POLICIES[new].keys != before:
            self.use_keys(POLICIES[new].keys)
            yield self.look(old)
            self.use_keys(before)

    async def _settled(self) -> None:
        pruning = self.edge.data_plane._publisher._pruning
        if pruning is not None:
            await pruning

    def ask(self, connect: Connect, probe: str) -> Outcome | None:
        connection = connect(self.edge.port)
        try:
            return connection.ask(PROBES[probe])
        finally:
            connection.close()


@contextmanager
def stage() -> Iterator[Stage]:
    judge = Judge()
    with edge_of(keys=KEY_SETS["all"]) as edge:
        second = FakeServer(lambda request: seen_by_backend("second", request))
        edge.run(second.start())
        try:
            edge.brain.answer = judge
            edge.backend.answer = lambda request: seen_by_backend("first", request)
            yield Stage(edge, judge, (Endpoint("127.0.0.1", edge.backend.port), Endpoint("127.0.0.1", second.port)))
        finally:
            edge.run(second.stop())


@contextmanager
def asking(stage: Stage, seed: int, told: list[Told]) -> Iterator[None]:
    """New connections and old ones without a pause."""
    done = threading.Event()

    def fresh(connect: Connect, chance: random.Random) -> None:
        while not done.is_set():
            probe, now = chance.choice(list(PROBES)), time.monotonic()
            if (got := stage.ask(connect, probe)) is not None:
                told.append(("fresh", probe, now, got))

    def kept(connect: Connect, chance: random.Random) -> None:
        held = [connect(stage.edge.port) for _ in range(8)]
        while not done.is_set():
            if not held:
                held.append(connect(stage.edge.port))
            connection = chance.choice(held)
            probe, now = chance.choice(list(PROBES)), time.monotonic()
            got = connection.ask(PROBES[probe])
            if got is not None:
                told.append(("kept", probe, now, got))
            else:
                held.remove(connection)
                connection.close()
            time.sleep(0.005)
        for connection in held:
            connection.close()

    ways = itertools.product((fresh, kept), (Http1, Http2))
    threads = [
        threading.Thread(target=way, args=(connect, random.Random(seed * 10 + number)))
        for number, (way, connect) in enumerate(ways)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def walk(seed: int, length: int) -> list[str]:
    chance = random.Random(seed)
    names: list[str] = []
    while len(names) <= length:
        chance.shuffle(order := list(POLICIES))
        names += order if not names or names[-1] != order[0] else order[1:]
    return names[: length + 1]


def test_class_18_every_request_is_answered_by_the_old_revision_or_by_the_new_one() -> None:
    answers: Counter[int] = Counter()
    names = walk(SEED, PAIRS)
    with stage() as on:
        for name in dict.fromkeys(names):
            on.use_keys(POLICIES[name].keys)
            on.run(name)
            on.look(name)
        on.use_keys(POLICIES[names[0]].keys)
        on.run(names[0])
        for number, (old, new) in enumerate(itertools.pairwise(names)):
            before = [on.look(old), *on.with_keys_of(old, new)]
            told: list[Told] = []
            with asking(on, number, told):
                time.sleep(0.05)
                on.use_keys(POLICIES[new].keys)
                on.run(new)
                done = time.monotonic() + 0.05
                time.sleep(0.4)
            after = on.look(new)
            for kind, probe, sent, got in told:
                answers[got.status] += 1
                good = set(after[probe])
                if kind == "kept" or sent < done:
                    good |= {each for alone in before for each in alone[probe]}
                if kind == "kept":
                    good.add(STALE)
                assert got.like(good), (old, new, kind, probe, sent - done, got, good)
    assert answers[200] > PAIRS
    assert answers[401] > PAIRS


REVOKING = ("signed", "sealed", "signed, cloud headers", "office", "limited by user", "signed, optional", "token")
"""Envoy judges the sessions of most of them; none lets one in that is revoked, whatever it is changed to."""


def test_a_session_that_is_revoked_during_a_change_passes_by_neither_revision() -> None:
    chance = random.Random(SEED)
    passed = 0
    with stage() as on, ThreadPoolExecutor() as threads:
        sids: list[str] = []
        on.run(REVOKING[0])
        for new in (*REVOKING[1:], *REVOKING):
            sids.append(f"revoked-{len(sids)}")
            probe = Probe((("state", token(sid=sids[-1], level="7")),))
            told: list[tuple[float, int]] = []
            done = threading.Event()
            asked = [threads.submit(ask_on, on.edge.port, probe, connect, done, told) for connect in (Http1, Http2)]
            changed = threads.submit(on.run, new)
            time.sleep(chance.random() * 0.3)
            on.edge.run(on.edge.data_plane.deny(Denied(tuple(sids))))
            revoked = time.monotonic()
            changed.result(60)
            time.sleep(0.2)
            done.set()
            for each in asked:
                each.result(60)
            passed += sum(status == 200 for _, status in told)
            late = [status for sent, status in told if sent > revoked]
            assert late
            assert set(late) <= {401, 403, 503}, (new, late)
    assert passed, "none was let in before it was revoked"


def ask_on(port: int, probe: Probe, connect: Connect, done: threading.Event, told: list[tuple[float, int]]) -> None:
    """By turns on a new connection and on one from before the change."""
    held = [connect(port) for _ in range(20)]
    while not done.is_set():
        for connection in (connect(port), *held[-1:]):
            sent = time.monotonic()
            got = connection.ask(probe)
            if got is not None:
                told.append((sent, got.status))
            if got is None or connection not in held:
                connection.close()
                held = [each for each in held if each is not connection]
        time.sleep(0.01)
    for connection in held:
        connection.close()
