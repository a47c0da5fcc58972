"""A backend that speaks HTTP/2 with prior knowledge, for what only such a one gets: trailers."""

from __future__ import annotations

import queue
import socket
import threading
from types import TracebackType
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded, TrailersReceived

from menshen.config.snapshot import Endpoint, Upstream

__all__ = ["H2Backend"]

Headers = list[tuple[str, str]]


class H2Backend:
    """Answers every request with 200; takes one connection after the other."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._seen: queue.Queue[tuple[Headers, Headers]] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="h2-backend")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def upstream(self, name: str) -> Upstream:
        port: int = self._listening.getsockname()[1]
        return Upstream(name, (Endpoint("127.0.0.1", port),), protocol="http2")

    def received(self) -> tuple[Headers, Headers]:
        """Headers and trailers of the next request."""
        return self._seen.get(timeout=20)

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client:
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="latin-1"))
        connection.initiate_connection()
        client.sendall(connection.data_to_send())
        headers: Headers = []
        trailers: Headers = []
        while data := client.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    headers, trailers = [(str(n), str(v)) for n, v in event.headers or ()], []
                elif isinstance(event, TrailersReceived):
                    trailers = [(str(n), str(v)) for n, v in event.headers or ()]
                elif isinstance(event, StreamEnded) and event.stream_id is not None:
                    self._seen.put((headers, trailers))
                    connection.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
            client.sendall(connection.data_to_send())
