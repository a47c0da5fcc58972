"""A real Envoy over its life: applied to, refused, killed, drained."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from menshen.config.snapshot import Endpoint, Listener, Tls, Upstream, UpstreamTls
from menshen.envoy import Addresses, DataPlane
from menshen.envoy.addresses import FILES
from menshen.errors import ChildFailed
from tests.edge.processes import LATE
from tests.envoy.certificates import self_signed
from tests.envoy.edge import Edge, edge_of
from tests.envoy.fakes import Reply, eventually
from tests.envoy.samples import BY_HEADER, route, sample, sample_routes
from tests.ports import free_port

STATE = [("user_session", "s")]


@pytest.fixture(scope="module")
def own_edge() -> Iterator[Edge]:
    # What asks without a pause has asked again before, however busy the machine is.
    with edge_of(linger=5) as edge:
        yield edge


@pytest.fixture
def edge(own_edge: Edge) -> Edge:
    """An Envoy that these tests may change, brought back to the sample first."""
    own_edge.reset()
    own_edge.run(own_edge.data_plane.apply(own_edge.snapshot))
    return own_edge


def files_of(edge: Edge) -> dict[str, bytes]:
    """With the routes of the listener that runs, wherever they are."""
    directory = edge.addresses.directory
    files = {name: (directory / name).read_bytes() for name in FILES.values()}
    routes = re.findall(rb'"path":"([^"]*/routes\.json)"', files[FILES["lds"]])
    return files | {path.decode(): Path(path.decode()).read_bytes() for path in routes}


async def load(edge: Edge, until: Coroutine[Any, Any, Any]) -> Counter[object]:
    """Requests without a pause while ``until`` runs; how they ended."""
    outcomes: Counter[object] = Counter()
    done = asyncio.Event()

    async def one(session: aiohttp.ClientSession, path: str) -> None:
        while not done.is_set():
            try:
                async with session.get(f"http://127.0.0.1:{edge.port}{path}", headers=dict(STATE)) as reply:
                    await reply.read()
                    outcomes[reply.status] += 1
            except aiohttp.ClientError as error:
                outcomes[type(error).__name__] += 1
                await asyncio.sleep(0.005)

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for path in ("/mall/orders/1", "/mall/static/a", "/mall/open", "/mall/admin/users") * 2:
            group.create_task(one(session, path))
        try:
            await until
        finally:
            done.set()
    return outcomes


def test_thirty_changes_under_load_fail_no_request(edge: Edge) -> None:
    backend = Endpoint("127.0.0.1", edge.backend.port)

    async def changes() -> None:
        for number in range(30):
            name = f"generation-{number}"
            routes = tuple(replace(r, upstream=name) for r in sample_routes())
            extra = route("mall", f"extra-{number}", f"/extra/{number}", BY_HEADER, upstream=name)
            upstreams = (Upstream(name, (backend,), connect_timeout=1 + number / 10),)
            await edge.data_plane.apply(sample(backend, routes=(*routes, extra), upstreams=upstreams))
            await asyncio.sleep(0.03)

    outcomes = edge.run(load(edge, changes()))
    assert set(outcomes) == {200}, outcomes
    assert outcomes[200] > 300
    assert edge.ask("/mall/extra/29", STATE).status == 200
    assert edge.ask("/mall/extra/28", STATE).status == 404


def test_upstreams_that_no_route_names_are_gone_after_a_while(edge: Edge) -> None:
    backend = Endpoint("127.0.0.1", edge.backend.port)
    two = (Upstream("orders", (backend,)), Upstream("passing", (backend,)))
    edge.run(edge.data_plane.apply(edge.sample(upstreams=two)))
    edge.run(edge.data_plane.apply(edge.sample()))

    async def gone() -> bool:
        return not await edge.data_plane.admin.stats(r"^cluster\.upstream/passing#.*\.membership_total$")

    edge.run(eventually(gone))


def test_a_changed_header_name_reaches_the_listener(edge: Edge) -> None:
    session = replace(BY_HEADER.session, name="other_state")
    login = replace(BY_HEADER, session=session)
    routes = tuple(replace(r, login=login) if r.login is BY_HEADER else r for r in sample_routes())
    outcomes = edge.run(load(edge, edge.data_plane.apply(edge.sample(routes=routes))))
    assert set(outcomes) <= {200}, outcomes
    edge.reset()
    edge.ask("/mall/orders/7", [("other_state", "s")])
    assert edge.asked.one("other_state") == "s"
    assert edge.forwarded.one("other_state") is None


def test_what_envoy_refuses_leaves_everything_as_it_was(edge: Edge) -> None:
    before = files_of(edge)
    bad = (
        Upstream("orders", (Endpoint("127.0.0.1", 1),)),
        Upstream("bad", (Endpoint("127.0.0.1", 1),), tls=UpstreamTls("x", "/no/such/ca")),
    )
    with pytest.raises(ChildFailed, match=r"refused the new cds: .*no/such/ca"):
        edge.run(edge.data_plane.apply(edge.sample(upstreams=bad)))
    assert files_of(edge) == before
    assert edge.ask("/mall/orders/7", STATE).status == 200
    os.kill(edge.data_plane.pid or 0, signal.SIGKILL)
    wait_for_200(edge)
    edge.run(edge.data_plane.apply(edge.sample(routes=sample_routes()[:4])))
    assert edge.ask("/mall/open").status == 404


def test_refused_routes_leave_everything_as_it_was(edge: Edge) -> None:
    before = files_of(edge)
    with pytest.raises(ChildFailed, match="refused the new rds"):
        edge.run(edge.data_plane.apply(edge.sample(routes=(route("mall", "bad", "/x", BY_HEADER, methods=("\n",)),))))
    assert files_of(edge) == before
    assert edge.ask("/mall/orders/7", STATE).status == 200


def test_an_unreadable_certificate_is_refused_before_envoy_sees_it(edge: Edge, tmp_path: Path) -> None:
    before = files_of(edge)
    tls = Listener(Tls(str(tmp_path / "none.pem"), str(tmp_path / "none.key")))
    with pytest.raises(ChildFailed, match=r"none\.pem"):
        edge.run(edge.data_plane.apply(edge.sample(listener=tls)))
    assert files_of(edge) == before


def test_a_killed_envoy_is_back_within_three_seconds(edge: Edge) -> None:
    restarts = edge.data_plane.restarts
    os.kill(edge.data_plane.pid or 0, signal.SIGKILL)
    assert wait_for_200(edge) < 3 + LATE
    assert edge.data_plane.restarts == restarts + 1


def test_a_change_while_envoy_is_being_killed_is_not_lost(edge: Edge) -> None:
    os.kill(edge.data_plane.pid or 0, signal.SIGKILL)
    edge.run(edge.data_plane.apply(edge.sample(routes=(*sample_routes(), route("mall", "new", "/new", BY_HEADER)))))
    assert edge.ask("/mall/new", STATE).status == 200


def test_a_killed_brain_closes_the_gateway_and_opens_it_when_it_is_back(edge: Edge) -> None:
    edge.run(edge.brain.stop())
    try:
        assert edge.ask("/mall/orders/7", STATE).refusal == (503, 5004, "brain_unavailable")
        assert edge.ask("/mall/static/a").status == 200
        time.sleep(1.2)  # the health check has noticed
        assert edge.ask("/mall/orders/7", STATE).refusal == (503, 5004, "brain_unavailable")
        assert not [r for r in edge.backend.received if "orders" in r.target]
    finally:
        edge.run(edge.brain.start())
    assert wait_for_200(edge) < 3 + LATE


def test_stopping_lets_a_running_request_end(edge: Edge) -> None:
    del edge
    with edge_of() as own:
        own.backend.answer = lambda _: Reply(delay=1.0)

        async def arrived() -> bool:
            return bool(own.backend.received)

        async def stop_while_asking() -> tuple[int, str | None]:
            async with aiohttp.ClientSession() as session:
                asking = asyncio.create_task(session.get(f"http://127.0.0.1:{own.port}/mall/static/a"))
                await eventually(arrived, 20)
                await own.data_plane.stop(grace=20)
                async with await asking as reply:
                    return reply.status, reply.headers.get("connection")

        assert own.run(stop_while_asking()) == (200, "close")
        assert own.data_plane.pid is None
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", own.port)) != 0


def test_stopping_does_not_wait_for_ever() -> None:
    with edge_of() as own:
        own.backend.answer = lambda _: Reply(delay=20)

        async def arrived() -> bool:
            return bool(own.backend.received)

        async def stop_while_asking() -> float:
            async with aiohttp.ClientSession() as session:
                asking = asyncio.create_task(session.get(f"http://127.0.0.1:{own.port}/mall/static/a"))
                await eventually(arrived, 20)
                started = time.monotonic()
                await own.data_plane.stop(grace=0.3)
                spent = time.monotonic() - started
                with pytest.raises(aiohttp.ClientError):
                    await asking
                return spent

        assert own.run(stop_while_asking()) < 10


def test_envoy_starts_and_ends_without_a_warning() -> None:
    with edge_of() as own:
        own.ask("/mall/orders/7", STATE)
    assert [line for line in own.log if "caught ENVOY_SIGTERM" not in line] == []


def test_a_taken_port_is_said_at_once(edge: Edge, tmp_path: Path) -> None:
    addresses = Addresses.under(
        tmp_path / "second", listen=Endpoint("127.0.0.1", edge.port), brain=edge.addresses.brain
    )
    started = time.monotonic()
    with pytest.raises(ChildFailed, match=f"127.0.0.1:{edge.port} is in use"):
        edge.run(DataPlane(addresses).start(edge.snapshot))
    assert time.monotonic() - started < 10


def test_an_address_of_another_machine_is_said_at_once(edge: Edge, tmp_path: Path) -> None:
    addresses = Addresses.under(tmp_path, listen=Endpoint("203.0.113.9", 80), brain=edge.addresses.brain)
    with pytest.raises(ChildFailed, match=r"cannot listen on 203\.0\.113\.9:80"):
        edge.run(DataPlane(addresses).start(edge.snapshot))


def test_a_broken_bootstrap_is_said_with_envoys_words(edge: Edge, tmp_path: Path) -> None:
    addresses = Addresses.under(
        tmp_path, listen=Endpoint("127.0.0.1", free_port()), brain=[Endpoint("127.0.0.1", 70_000)]
    )
    plane = DataPlane(addresses, on_line=lambda _: None)
    with pytest.raises(ChildFailed, match="Envoy ended with 1 at its start: "):
        edge.run(plane.start(edge.snapshot))
    assert plane.pid is None


def test_a_data_directory_with_a_long_path_still_has_an_admin_socket(tmp_path: Path) -> None:
    addresses = Addresses.under(tmp_path / ("d" * 120), listen=Endpoint("127.0.0.1", 1), brain=[])
    assert len(bytes(addresses.admin)) <= 100
    assert addresses.admin.parent.stat().st_mode & 0o777 == 0o700
    addresses.admin.parent.rmdir()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_envoy_dies_with_its_parent(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, pathlib, signal
from menshen.config.snapshot import Endpoint, Snapshot
from menshen.envoy import Addresses, DataPlane
async def main():
    listen, brain = Endpoint("127.0.0.1", {free_port()}), Endpoint("127.0.0.1", 1)
    a = Addresses.under(pathlib.Path({str(tmp_path)!r}), listen=listen, brain=[brain])
    plane = DataPlane(a)
    await plane.start(Snapshot().sealed())
    print(plane.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""

    async def parent() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        output, _ = await process.communicate()
        return int(output)

    pid = asyncio.run(parent())
    deadline = time.monotonic() + 20
    while _alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_tls_from_files_and_a_renewed_certificate(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path, "one.example.com")
    with edge_of(listener=Listener(Tls(str(chain), str(key)))) as own:
        assert own.run(_peer_name(own)) == "one.example.com"
        chain2, key2 = self_signed(tmp_path, "two.example.com", "renewed")
        key2.replace(key)
        chain2.replace(chain)

        async def renewed() -> bool:
            return await _peer_name(own) == "two.example.com"

        own.run(eventually(renewed))


async def _peer_name(edge: Edge) -> str:
    import ssl

    from cryptography import x509

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", edge.port, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return str(x509.load_der_x509_certificate(der).subject.rfc4514_string()).removeprefix("CN=")


def wait_for_200(edge: Edge) -> float:
    """Seconds until a checked request passes again."""
    started = time.monotonic()
    while True:
        try:
            if edge.ask("/mall/orders/7", STATE).status == 200:
                return time.monotonic() - started
        except OSError:
            pass
        assert time.monotonic() - started < 60
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False
