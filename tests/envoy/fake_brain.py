"""A brain that answers over HTTP/2 exactly what a test says."""

from __future__ import annotations

import asyncio
import contextlib

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import ProtocolError

from tests.envoy.fakes import FakeServer, Received, Reply

__all__ = ["FakeBrain"]

_CONFIG = H2Configuration(
    client_side=False,
    header_encoding="latin-1",
    # What no honest server would send is what some tests are about.
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


class FakeBrain(FakeServer):
    """As :class:`FakeServer`, in the protocol that Envoy speaks with the workers."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(_CONFIG)
        connection.initiate_connection()
        asked: dict[int, tuple[list[tuple[str, str]], bytearray]] = {}
        answering: set[asyncio.Task[None]] = set()
        try:
            with contextlib.suppress(ConnectionError, ProtocolError):
                while data := await reader.read(65536):
                    for event in connection.receive_data(data):
                        if isinstance(event, RequestReceived):
                            asked[event.stream_id] = (list(event.headers), bytearray())
                        elif isinstance(event, DataReceived):
                            asked[event.stream_id][1].extend(event.data)
                            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                        elif isinstance(event, StreamEnded):
                            headers, body = asked.pop(event.stream_id)
                            reply = self._reply(connection, writer, event.stream_id, headers, bytes(body))
                            answering.add(asyncio.create_task(reply))
                    writer.write(connection.data_to_send())
        finally:
            for answer in answering:
                answer.cancel()
            await asyncio.gather(*answering, return_exceptions=True)

    async def _reply(
        self,
        connection: H2Connection,
        writer: asyncio.StreamWriter,
        stream: int,
        headers: list[tuple[str, str]],
        body: bytes,
    ) -> None:
        found = dict(headers)
        plain = [("host", found[":authority"]), *((name, value) for name, value in headers if name[0] != ":")]
        request = Received(found[":method"], found[":path"], tuple(plain), body)
        reply = Reply() if request.target == "/health" else self._note(request)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if not reply.status:
            writer.transport.abort()
            return
        if reply.raw is not None:
            writer.write(reply.raw)
            writer.close()
            return
        told = any(name == "content-length" for name, _ in reply.headers)
        length = [] if told else [("content-length", str(len(reply.body)))]
        with contextlib.suppress(ProtocolError):  # Envoy has given the stream up
            connection.send_headers(stream, [(":status", str(reply.status)), *reply.headers, *length])
            connection.send_data(stream, reply.body, end_stream=True)
            writer.write(connection.data_to_send())
