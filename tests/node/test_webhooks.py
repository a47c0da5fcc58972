"""The webhook sender against receivers that take messages, stall, refuse, redirect and hang up."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from menshen.callouts.signing import signature_holds
from menshen.config.user_rules import EVENTS, WebhookRules
from menshen.errors import WebhookUnknown
from menshen.node import webhooks
from menshen.node.webhooks import ATTEMPTS, WebhookSender, next_attempt
from menshen.platforms.client import PlatformClient
from menshen.secret import Secret
from menshen.storage.database import Database
from menshen.storage.webhook_deliveries import Delivery
from menshen.users.deliveries import Deliveries
from menshen.users.outbox import UserEvent, emit
from tests.node.receivers import Answer, Receiver
from tests.ports import free_port
from tests.storage.conftest import opened

SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
NOW = 1_700_000_000
EVENT = UserEvent("login", "u1", NOW, "shop", "wechat", "request-1", "code")


def whole(count: int) -> bytes:
    """No jitter."""
    return bytes(count)


@dataclass
class Stage:
    """A sender, its clock, and a database that can be looked at."""

    database: Database
    client: PlatformClient
    rules: list[WebhookRules] = field(default_factory=list)
    now: float = NOW

    def __post_init__(self) -> None:
        numbers = itertools.count(1)

        def random(count: int) -> bytes:
            """Ids that differ, and pauses without jitter."""
            return whole(count) if count == 2 else next(numbers).to_bytes(count)

        self.sender = WebhookSender(self.database, self.client, lambda: self.rules, lambda: self.now, random)

    def hook(self, origin: str, name: str = "crm", secret: Secret = SECRET) -> None:
        self.rules.append(WebhookRules(name, f"{origin}/hooks/{name}", secret, EVENTS))

    async def tell(self, *events: UserEvent) -> None:
        async with self.database.writing() as connection:
            await emit(connection, events, self.rules)

    async def work(self) -> None:
        await self.sender.look()
        await self.sender.drained()

    async def deliveries(self, name: str = "crm") -> list[Delivery]:
        return await Deliveries(self.database, lambda: self.now).list(name, limit=500)

    async def only(self, name: str = "crm") -> Delivery:
        [delivery] = await self.deliveries(name)
        return delivery


def on_stage(url: str, work: Callable[[Stage], Awaitable[None]]) -> None:
    async def main() -> None:
        async with opened(url) as database, PlatformClient() as client:
            await work(Stage(database, client))

    asyncio.run(main())


@contextlib.asynccontextmanager
async def receiving(stage: Stage, *answers: Answer) -> AsyncIterator[Receiver]:
    async with Receiver(*answers).listening() as receiver:
        stage.hook(receiver.origin)
        yield receiver


def test_a_message_arrives_signed_once_and_says_nothing_more_than_it_may(database_url: str) -> None:
    async def work(stage: Stage) -> None:
        async with receiving(stage) as receiver:
            await stage.tell(EVENT)
            await stage.work()
            await stage.work()
            [message] = receiver.received
            assert message.path == "/hooks/crm"
            assert message.headers["content-type"] == "application/json"
            assert json.loads(message.body) == {
                "type": "login",
                "timestamp": "2023-11-14T22:13:20Z",
                "data": {
                    "uid": "u1",
                    "app": "shop",
                    "platform": "wechat",
                    "request_id": "request-1",
                    "reason": "code",
                },
            }
            assert signature_holds(message.headers, SECRET, message.body, NOW)
            assert not signature_holds(message.headers, Secret("another"), message.body, NOW)
            delivery = await stage.only()
            assert (delivery.status, delivery.attempts, delivery.next_at) == ("delivered", 1, None)
            assert (delivery.response_status, delivery.finished_at) == (204, NOW)
            assert message.headers["webhook-id"] == delivery.delivery

    on_stage(database_url, work)


@pytest.mark.parametrize("status", [199 + 1, 201, 202, 204, 299])
def test_every_2xx_is_a_delivery(database_url: str, status: int) -> None:
    async def work(stage: Stage) -> None:
        async with receiving(stage, status):
            await stage.tell(EVENT)
            await stage.work()
            assert (await stage.only()).status == "delivered"

    on_stage(database_url, work)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (500, 500, "HTTP 500"),
        (404, 404, "HTTP 404"),
        (429, 429, "HTTP 429"),
        ("redirect", 307, "HTTP 307, and redirects are not followed"),
        ("close", 0, "no answer in time"),
        ("nonsense", 0, "the answer is no HTTP, breaks off, or is too long"),
        ("half", 0, "the answer is no HTTP, breaks off, or is too long"),
        ("stall", 0, "no answer in time"),
    ],
)
def test_what_is_no_2xx_is_tried_again_later_under_the_same_id(
    database_url: str, monkeypatch: pytest.MonkeyPatch, answer: Answer, status: int, error: str
) -> None:
    monkeypatch.setattr(webhooks, "_TIMEOUT", 2.0 if answer == "stall" else 60.0)

    async def work(stage: Stage) -> None:
        async with Receiver().listening() as elsewhere, receiving(stage, answer, 204) as receiver:
            receiver.location = elsewhere.origin
            await stage.tell(EVENT)
            await stage.work()
            monkeypatch.setattr(webhooks, "_TIMEOUT", 60.0)
            waiting = await stage.only()
            assert (waiting.status, waiting.attempts, waiting.response_status) == ("waiting", 1, status)
            assert waiting.error == error
            assert waiting.next_at == NOW + 5
            await stage.work()
            assert len(receiver.received) == 1
            stage.now += 5
            await stage.work()
            delivered = await stage.only()
            assert (delivered.status, delivered.attempts, delivered.error) == ("delivered", 2, "")
            first, second = receiver.received
            assert first.body == second.body
            assert first.headers["webhook-id"] == second.headers["webhook-id"]
            assert int(second.headers["webhook-timestamp"]) == NOW + 5
            assert signature_holds(second.headers, SECRET, second.body, stage.now)
            assert elsewhere.received == []

    on_stage(database_url, work)


def test_nobody_at_the_address_is_tried_again(database_url: str) -> None:
    async def work(stage: Stage) -> None:
        stage.hook(f"http://127.0.0.1:{free_port()}")
        await stage.tell(EVENT)
        await stage.work()
        delivery = await stage.only()
        assert (delivery.status, delivery.error, delivery.response_status) == ("waiting", "no connection", 0)

    on_stage(database_url, work)


def test_after_the_last_attempt_a_message_is_given_up_and_can_be_sent_by_hand(database_url: str) -> None:
    async def work(stage: Stage) -> None:
        async with receiving(stage, *[503] * ATTEMPTS, 200) as receiver:
            await stage.tell(EVENT)
            moments = []
            for _ in range(ATTEMPTS):
                await stage.work()
                moments.append(stage.now - NOW)
                stage.now = (await stage.only()).next_at or stage.now
            assert moments[:6] == [0, 5, 15, 35, 75, 155]
            assert all(later - earlier <= 3600 for earlier, later in itertools.pairwise(moments))
            assert 6 * 3600 < moments[-1] < 7 * 3600
            failed = await stage.only()
            assert (failed.status, failed.attempts, failed.next_at) == ("failed", ATTEMPTS, None)
            assert failed.finished_at == int(stage.now)
            stage.now += 1_000_000
            await stage.work()
            assert len(receiver.received) == ATTEMPTS
            again = Deliveries(stage.database, lambda: stage.now)
            assert not await again.send_again("other", failed.delivery, "li")
            assert await again.send_again("crm", failed.delivery, "li")
            assert not await again.send_again("crm", failed.delivery, "li")
            await stage.work()
            delivered = await stage.only()
            assert (delivered.status, delivered.attempts, delivered.delivery) == ("delivered", 1, failed.delivery)

    on_stage(database_url, work)


def test_a_receiver_that_is_gone_for_good_is_asked_once(database_url: str) -> None:
    async def work(stage: Stage) -> None:
        async with receiving(stage, 410) as receiver:
            await stage.tell(EVENT)
            await stage.work()
            delivery = await stage.only()
            assert (delivery.status, delivery.response_status, delivery.next_at) == ("failed", 410, None)
            assert len(receiver.received) == 1

    on_stage(database_url, work)


def test_pauses_double_and_jitter_takes_up_to_a_quarter() -> None:
    most = [next_attempt(number, 0, whole) for number in range(1, ATTEMPTS + 1)]
    least = [next_attempt(number, 0, lambda count: b"\xff" * count) for number in range(1, ATTEMPTS + 1)]
    assert most == [5.0 * 2**number for number in range(10)] + [3600.0] * 5 + [None]
    assert most[-1] is None
    for longest, shortest in zip(most[:-1], least[:-1], strict=True):
        assert longest is not None
        assert shortest == pytest.approx(longest * 0.75, rel=1e-4)


def test_two_senders_on_one_database_send_each_message_once(database_url: str) -> None:
    async def work(stage: Stage) -> None:
        async with receiving(stage) as receiver, opened(database_url) as other_database, PlatformClient() as client:
            other = Stage(other_database, client, stage.rules)
            await stage.tell(*[replace(EVENT, uid=f"u{number}") for number in range(60)])
            while {delivery.status for delivery in await stage.deliveries()} != {"delivered"}:
                await asyncio.gather(stage.work(), other.work())
            uids = sorted(json.loads(message.body)["data"]["uid"] for message in receiver.received)
            assert uids == sorted(f"u{number}" for number in range(60))
            assert {delivery.attempts for delivery in await stage.deliveries()} == {1}
            ids = [message.headers["webhook-id"] for message in receiver.received]
            assert len(set(ids)) == 60

    on_stage(database_url, work)


def test_a_message_whose_sender_died_is_sent_by_another_when_its_time_is_up(database_url: str) -> None:
    async def work(stage: Stage) -> None:
        async with receiving(stage, "stall", 204) as receiver:
            await stage.tell(EVENT)
            await stage.sender.look()
            await receiver.had(1)
            following = asyncio.create_task(stage.sender.follow())
            await asyncio.sleep(0)
            following.cancel()  # killed with the message on its way
            other = Stage(stage.database, stage.client, stage.rules, stage.now + 89)
            await other.work()
            assert len(receiver.received) == 1
            other.now += 1
            await other.work()
            assert len(receiver.received) == 2
            delivery = await stage.only()
            assert (delivery.status, delivery.attempts) == ("delivered", 2)
            await asyncio.gather(following, return_exceptions=True)
            assert (await stage.only()).status == "delivered"

    on_stage(database_url, work)


def test_an_answer_that_comes_too_late_does_not_count(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sender was held up; another has taken the message, and what becomes of it is that one's to say."""
    monkeypatch.setattr(webhooks, "_TIMEOUT", 2.0)

    async def work(stage: Stage) -> None:
        async with receiving(stage, "stall", 204) as receiver:
            await stage.tell(EVENT)
            held_up = asyncio.create_task(stage.work())
            await receiver.had(1)
            monkeypatch.setattr(webhooks, "_TIMEOUT", 60.0)
            other = Stage(stage.database, stage.client, stage.rules, stage.now + 90)
            await other.work()
            await held_up
            delivery = await stage.only()
            assert (delivery.status, delivery.attempts, delivery.next_at) == ("delivered", 2, None)

    on_stage(database_url, work)


def test_a_webhook_that_stalls_holds_up_no_other(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_LAST_SECONDS", 0.1)

    async def work(stage: Stage) -> None:
        async with Receiver("stall").listening() as stuck, Receiver().listening() as well:
            stage.hook(stuck.origin, "stuck")
            stage.hook(well.origin, "well")
            await stage.tell(*[replace(EVENT, uid=f"u{number}") for number in range(20)])
            async with asyncio.timeout(60):
                while len(well.received) < 20:
                    await stage.sender.look()
                    await asyncio.sleep(0.02)
            assert stuck.most_open == 8
            await stage.sender.close()
            assert {each.status for each in await stage.deliveries("stuck")} == {"waiting"}

    on_stage(database_url, work)


def test_a_receiver_that_is_quick_gets_messages_as_quickly(database_url: str) -> None:
    """Not a handful each time that somebody looks."""

    async def work(stage: Stage) -> None:
        async with receiving(stage) as receiver:
            await stage.tell(*[replace(EVENT, uid=f"u{number}") for number in range(300)])
            following = asyncio.create_task(stage.sender.follow())
            async with asyncio.timeout(90):
                await receiver.had(300)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            assert receiver.most_open <= 8
            assert {delivery.status for delivery in await stage.deliveries()} == {"delivered"}

    on_stage(database_url, work)


def test_follow_sends_what_comes_and_outlives_a_database_that_fails(database_url: str) -> None:
    async def work(stage: Stage) -> None:
        async with receiving(stage) as receiver:
            stage.now = time.time()
            real, asked = stage.rules, []

            def broken() -> Sequence[WebhookRules]:
                asked.append(1)
                if len(asked) == 1:
                    raise RuntimeError("once")
                return real

            sender = WebhookSender(stage.database, stage.client, broken, time.time, whole)
            following = asyncio.create_task(sender.follow())
            await stage.tell(replace(EVENT, at=int(stage.now)))
            async with asyncio.timeout(90):
                await receiver.had(1)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            assert (await stage.only()).status == "delivered"

    on_stage(database_url, work)


def test_the_test_button_sends_now_and_tells_what_came_of_it(database_url: str) -> None:
    async def work(stage: Stage) -> None:
        async with receiving(stage, 204, 500, 204) as receiver:
            await stage.tell(EVENT)  # waits, and is not sent in the test's place
            outcome = await stage.sender.test("crm")
            assert (outcome.status, outcome.response_status, outcome.error) == ("delivered", 204, "")
            [message] = receiver.received
            body = json.loads(message.body)
            assert (body["type"], body["data"]["uid"], body["data"]["reason"]) == ("test", "", "test")
            assert signature_holds(message.headers, SECRET, message.body, NOW)
            refused = await stage.sender.test("crm")
            assert (refused.status, refused.response_status, refused.error) == ("failed", 500, "HTTP 500")
            rows = [(delivery.event, delivery.status, delivery.attempts) for delivery in await stage.deliveries()]
            assert rows == [("test", "failed", 1), ("test", "delivered", 1), ("login", "waiting", 0)]
            with pytest.raises(WebhookUnknown):
                await stage.sender.test("nobody")

    on_stage(database_url, work)


def test_no_secret_is_in_a_message_a_row_or_the_log(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work(stage: Stage) -> None:
        caplog.set_level("DEBUG")
        async with Receiver(410).listening() as receiver:
            stage.hook(receiver.origin, secret=Secret("canary-webhook-secret"))
            await stage.tell(EVENT)
            await stage.work()
            [message] = receiver.received
            assert "canary" not in repr(message)
            assert "canary" not in repr(await stage.deliveries())

    on_stage(database_url, work)
    assert [record.message for record in caplog.records if record.name == "menshen.node"] == ["webhook_failed"]
    assert "canary" not in caplog.text + repr([record.__dict__ for record in caplog.records])
