"""Changes to a running Envoy, without a dropped request: make before break, and back again if Envoy refuses.

Routes name clusters, the providers of login states and tokens, and tables of limits, so the order is: old and new ones
together, then the routes, and after a while, when no request can be on its way by an old route any more, the new
clusters and providers alone. Each step waits until Envoy has taken it. A refused step (NACK) puts every file back as it
was. Where the listener changes as well, it comes together with its routes (:mod:`menshen.envoy.succession`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import shutil
import ssl
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from menshen.config.snapshot import Snapshot, Tls
from menshen.envoy.addresses import FILES, Addresses, Subscription, file_name
from menshen.envoy.admin import Admin
from menshen.envoy.delivery import Delivery
from menshen.envoy.denials import Denials
from menshen.envoy.limits import Stage, Tables, limit_tables, limits_kept
from menshen.envoy.resources import (
    build,
    clusters_file,
    followed,
    limits_file,
    listeners_file,
    parts_of,
    place,
    states_file,
    tokens_file,
    write,
)
from menshen.envoy.revoked import Denied
from menshen.envoy.states import Provider
from menshen.envoy.succession import closed, rehearsal
from menshen.envoy.typed import Json
from menshen.errors import ChildFailed

__all__ = ["Publisher"]

_log = logging.getLogger("menshen.envoy")

_CONFIRMED: Final[tuple[Subscription, ...]] = ("cds", "lds", "rds")
_NOTHING: Final[Mapping[Subscription, int]] = MappingProxyType({})

_MOST_LISTENERS: Final = 64
"""That were replaced and are not gone. An inotify instance each, of which a user has 128 where nobody gave him more."""

_FILTERS: Final[tuple[Subscription, ...]] = ("states", "tokens", "limits_early", "limits_late")
"""Files of filters, in the order in which they are offered."""


@dataclass(slots=True)
class _Running:
    """What Envoy has: the snapshot and keys it was made of, the files, and of them clusters, providers by name, limits.

    ``followed`` are the files of filters that the listener has, ``generation`` says which listener it is.
    """

    snapshot: Snapshot
    keys: str
    files: dict[str, bytes]
    clusters: list[Json]
    providers: dict[str, Provider]
    tokens: dict[str, Provider]
    limits: dict[Stage, Tables]
    followed: set[Subscription]
    generation: int


class Publisher:
    """Hands snapshots to Envoy. ``log`` is the tail of Envoy's log, for the reason of a refusal.

    ``linger`` is for how long a removed upstream can still be reached by requests that were routed before; it covers
    the time that a login may wait for its platform. ``drain`` is for how long Envoy keeps a listener that was replaced.
    Both in seconds.
    """

    def __init__(
        self,
        addresses: Addresses,
        admin: Admin,
        *,
        log: Sequence[str] = (),
        linger: float = 10.0,
        drain: float = 300.0,
    ) -> None:
        self._addresses = addresses
        self._delivery = Delivery(addresses, admin, log)
        self._denials = Denials(addresses, self._delivery, self._judges_alone)
        self._linger = linger
        self._drain = drain
        self._listeners: deque[float] = deque()
        self._running: _Running | None = None
        self._lock = asyncio.Lock()
        self._rehearsing_states = False
        self._pruning: asyncio.Task[None] | None = None
        self._left: _Running | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._generations = itertools.count(1)

    def prepare(self, snapshot: Snapshot, keys: str, denied: Denied) -> None:
        """Write everything, before Envoy starts."""
        _check_certificate(snapshot.listener.tls)
        for left in self._addresses.directory.glob("rds-*"):
            shutil.rmtree(left)
        self._running = self._made(snapshot, keys)
        write(self._running.files, self._addresses.directory)
        self._denials.prepare(denied)

    async def confirm(self) -> None:
        """After the start: Envoy is live even when it refused its listener, so ask what it took."""
        if self._running is None:
            raise ChildFailed("nothing was prepared for Envoy")
        for subscription in _CONFIRMED:
            await self._delivery.taken(subscription, self._running.files[FILES[subscription]])
        await self._confirm_filters(self._running.followed, self._running.files)

    async def apply(self, snapshot: Snapshot, known: Awaitable[None] | None = None) -> None:
        """Bring Envoy to this snapshot. Raises :class:`ChildFailed` with Envoy's reason; the old one then runs on.

        ``known`` is done when the brain knows the snapshot. The files of a large one take as long to make as it takes
        the brain to read it, so both are done together; Envoy gets none before.
        """
        async with self._lock:
            running = self._started()
            _check_certificate(snapshot.listener.tls)
            made = await asyncio.to_thread(self._made, snapshot, running.keys, running)
            if known is not None:
                await known
            await self._change(running, made)

    async def use_keys(self, keys: str) -> None:
        """The same snapshot with other public keys; what was signed by a key that is gone is refused from now on."""
        async with self._lock:
            running = self._started()
            await self._change(running, self._made(running.snapshot, keys, running))

    async def deny(self, denied: Denied) -> None:
        self._started()
        await self._denials.deny(denied)

    async def close(self) -> None:
        await self._cancel_pruning()
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._denials.close()

    def _started(self) -> _Running:
        if self._running is None:
            raise ChildFailed("Envoy has not been started")
        return self._running

    def _made(self, snapshot: Snapshot, keys: str, running: _Running | None = None) -> _Running:
        parts = parts_of(snapshot, self._addresses, keys)
        generation = 0
        if running is not None:
            generation = running.generation
            if listeners_file(snapshot, self._addresses, parts, generation) != running.files[FILES["lds"]]:
                generation = next(self._generations)
        return _Running(
            snapshot=snapshot,
            keys=keys,
            files=build(snapshot, self._addresses, keys, parts, generation),
            clusters=parts.clusters,
            providers={provider.name: provider for provider in parts.providers.values()},
            tokens=parts.tokens,
            limits=parts.limits,
            followed=followed(parts),
            generation=generation,
        )

    def _judges_alone(self) -> bool:
        """Whether a listener has the filters for signed login states, and Envoy so follows their files.

        The one that is on trial counts: it is waited for, or a session that was revoked meanwhile could pass when it
        takes over.
        """
        return self._rehearsing_states or (self._running is not None and bool(self._running.providers))

    async def _change(self, old: _Running, new: _Running) -> None:
        try:
            await self._bring(old, new)
        except BaseException:
            # Whatever it was, a full disk as well: files of both would be taken for the old ones ever after.
            write(old.files, self._addresses.directory)
            if new.generation != old.generation:
                # Envoy may have taken the listener after all, later than it was waited for.
                place(self._addresses.file("rds", new.generation), closed(new.generation))
            if self._left is not None:
                self._prune_later(self._left)
            raise
        finally:
            self._rehearsing_states = False

    async def _bring(self, old: _Running, new: _Running) -> None:
        await self._cancel_pruning()
        new = _with_limits(old, new, before=bool(self._closing))
        names = {cluster["name"] for cluster in new.clusters}
        both = [*new.clusters, *(cluster for cluster in old.clusters if cluster["name"] not in names)]
        both.sort(key=lambda cluster: str(cluster["name"]))
        providers = {**old.providers, **new.providers} if new.keys else old.providers
        tokens = {**old.tokens, **new.tokens}
        files = {
            **new.files,
            FILES["cds"]: clusters_file(both),
            FILES["states"]: states_file(providers.values(), new.keys or old.keys),
            FILES["tokens"]: tokens_file(tokens.values()),
        }
        # Envoy reads only what it is told of, so files that it follows through another one go first.
        await self._offer("cds", old, files)
        place(self._addresses.file("sds"), files[FILES["sds"]])
        for subscription in _FILTERS:
            await self._bring_filter(subscription, old, files)
        if new.generation == old.generation:
            await self._offer("rds", old, files)
        else:
            await self._succeed(old, new, files)
        removed = len(both) > len(new.clusters) or len(providers) > len(new.providers) or len(tokens) > len(new.tokens)
        all_of_both = replace(new, files=files, clusters=both, providers=providers, tokens=tokens)
        self._running = all_of_both if removed else new
        self._left = None
        if removed:
            self._prune_later(new)

    async def _succeed(self, old: _Running, new: _Running, files: dict[str, bytes]) -> None:
        """Another listener, with its routes. Until it takes connections Envoy has said yes to all of it."""
        self._count_listener()
        added = new.followed - old.followed
        before = {each: await self._delivery.refused(each) for each in added}
        routes = files[file_name("rds", new.generation)]
        place(self._addresses.file("rds", new.generation), routes)
        await self._delivery.offer("lds", rehearsal(old.files[FILES["lds"]], files[FILES["lds"]]))
        self._rehearsing_states = bool(new.providers)
        await self._confirm_filters(added, files, before)
        await self._delivery.taken("rds", routes, generation=new.generation)
        await self._delivery.offer("lds", files[FILES["lds"]])
        task = asyncio.create_task(self._close(old.generation), name="envoy-old-routes")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, generation: int) -> None:
        """Let nobody in any more by the routes of a listener that was replaced."""
        await asyncio.sleep(self._linger)
        with contextlib.suppress(ChildFailed):  # an Envoy that was started since does not have them
            await self._delivery.offer("rds", closed(generation), generation)

    async def _bring_filter(self, subscription: Subscription, old: _Running, files: dict[str, bytes]) -> None:
        if subscription in old.followed:
            await self._offer(subscription, old, files)
        else:
            place(self._addresses.file(subscription), files[FILES[subscription]])

    def _count_listener(self) -> None:
        """Each listener that Envoy keeps watches files of its own, and where no more can be watched Envoy aborts."""
        now = asyncio.get_running_loop().time()
        while self._listeners and now - self._listeners[0] > self._drain:
            self._listeners.popleft()
        if len(self._listeners) >= _MOST_LISTENERS:
            raise ChildFailed(
                f"the kinds of guards changed {_MOST_LISTENERS} times within {self._drain:g} s, and Envoy keeps what "
                "serves the connections of each for so long; apply it again later"
            )
        self._listeners.append(now)

    async def _confirm_filters(
        self, subscriptions: set[Subscription], files: dict[str, bytes], before: Mapping[Subscription, int] = _NOTHING
    ) -> None:
        """A listener goes live even when a filter of it got nothing to work with; every request would then be a 500.

        ``before`` is how often Envoy had refused each of them until then.
        """
        for subscription in _FILTERS:
            if subscription in subscriptions:
                await self._delivery.taken(subscription, files[FILES[subscription]], before.get(subscription, 0))
        if "states" in subscriptions:
            await self._denials.confirm()

    async def _offer(self, subscription: Subscription, old: _Running, files: dict[str, bytes]) -> None:
        generation = old.generation if subscription == "rds" else 0
        name = file_name(subscription, generation)
        if files[name] != old.files[name]:
            await self._delivery.offer(subscription, files[name], generation)

    def _prune_later(self, left: _Running) -> None:
        """``left`` is what Envoy is to have then. A change that fails meanwhile puts it off, and must not forget it."""
        self._left = left
        self._pruning = asyncio.create_task(self._prune(left), name="envoy-prune")

    async def _prune(self, new: _Running) -> None:
        await asyncio.sleep(self._linger)
        if self._closing:
            # Whoever is let in by routes that name what is removed would be told to log in again.
            await asyncio.wait(self._closing)
        async with self._lock:
            old, self._running, self._left = self._running, new, None
            if old is None:
                return
            try:
                await self._offer("cds", old, new.files)
                for subscription in _FILTERS:
                    await self._bring_filter(subscription, replace(old, followed=new.followed), new.files)
            except ChildFailed as error:
                _log.warning("what_was_removed_stays", extra={"why": str(error)})

    async def _cancel_pruning(self) -> None:
        if self._pruning is not None:
            self._pruning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pruning
            self._pruning = None


def _with_limits(old: _Running, new: _Running, *, before: bool) -> _Running:
    """``before``: there are still routes from before the old ones, of a listener that was replaced a moment ago."""
    own = old.limits if before else limit_tables(old.snapshot)
    limits = {stage: limits_kept(old.limits[stage], own[stage], tables) for stage, tables in new.limits.items()}
    files = {FILES[stage]: limits_file(stage, tables) for stage, tables in limits.items()}
    return replace(new, limits=limits, files={**new.files, **files})


def _check_certificate(tls: Tls | None) -> None:
    """Envoy would keep the old certificate, or open no listener at all, and say so only in a counter."""
    if tls is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise ChildFailed(f"certificate {tls.certificate} with key {tls.key} cannot be used: {error}") from error
