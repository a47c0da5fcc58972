"""The middleware with the emulator beside it, as a :class:`~tests.edge.conftest.Stack`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from tests.edge import conftest as edge
from tests.edge.conftest import Stack
from tests.edge.processes import Client, command

__all__ = ["running_app"]


_SECOND = ("name: nobody", "name: gone", "{name: second")


def _one_app(document: str) -> str:
    """Without a second upstream, and what is said of how the first is reached."""
    kept = [line for line in document.splitlines() if not any(name in line for name in _SECOND)]
    bare = [re.sub(", timeout: [0-9]+", "", line) if "endpoints:" in line else line for line in kept]
    return "\n".join(bare).replace("upstream: second", "upstream: orders") + "\n"


@contextlib.contextmanager
def running_app(directory: Path, document: str, *_: str, server: str = "granian") -> Iterator[Stack]:
    """As ``running_stack`` does it, the options of ``menshen serve`` aside; ``server`` runs the application."""
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(
            command(["-m", "menshen", "emulator", "--listen", "127.0.0.1:0"], directory / "emulator.log")
        )
        config, data_dir = directory / "menshen.yaml", directory / "data"
        config.write_text(edge.written(_one_app(document), emulator.origin, "127.0.0.1:9"))
        served = stack.enter_context(
            command(
                ["-m", "tests.asgi.served", str(config), str(data_dir), server],
                directory / "serve.log",
                {"OTHER_SECRET": edge.OTHER_SECRET, "MENSHEN_LOG_LEVEL": "DEBUG"},
            )
        )
        nobody = Client("http://127.0.0.1:9")  # no admin address, and the backend is in the process
        running = Stack(Client(served.origin), nobody, Client(emulator.origin), nobody, served, config, data_dir)
        edge.add_apps(running)
        yield running
