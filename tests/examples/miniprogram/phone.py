"""The example mini program on a phone in Node, between the emulator, its own gateway document and its own backend."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.edge.conftest import APPID, SECRET, Stack
from tests.edge.processes import REPOSITORY, Client, command

__all__ = ["APPID", "DEVICE", "EMULATOR", "EXAMPLE", "Phone", "Seen", "open_phone", "shop", "taken_over"]

EXAMPLE = REPOSITORY / "examples" / "miniprogram"
DEVICE = REPOSITORY / "tests" / "wx" / "mini" / "device.js"
GATEWAY, EMULATOR, BACKEND = "http://127.0.0.1:8080", "http://127.0.0.1:8082", "127.0.0.1:9001"
ANSWERS_WITHIN = 60.0


@contextlib.contextmanager
def shop(directory: Path, listen: str = "127.0.0.1:0") -> Iterator[Stack]:
    """``examples/miniprogram/menshen.yaml`` and ``orders.py``, running, at addresses that are free."""
    with contextlib.ExitStack() as stack:
        emulator = stack.enter_context(
            command(["-m", "menshen", "emulator", "--listen", "127.0.0.1:0"], directory / "emulator.log")
        )
        backend = stack.enter_context(command([str(EXAMPLE / "orders.py"), "0"], directory / "backend.log"))
        document = (EXAMPLE / "menshen.yaml").read_text(encoding="utf-8")
        for written, running in ((EMULATOR, emulator.origin), (BACKEND, backend.origin.removeprefix("http://"))):
            assert written in document
            document = document.replace(written, running)
        config = directory / "menshen.yaml"
        config.write_text(document, encoding="utf-8")
        data_dir = directory / "data"
        arguments = ["serve", "--config", str(config), "--data-dir", str(data_dir), "--listen", listen]
        serve = stack.enter_context(
            command(
                ["-m", "menshen", *arguments, "--admin", "127.0.0.1:0"],
                directory / "serve.log",
                {"SHOP_APPSECRET": SECRET},
            )
        )
        running_stack = Stack(
            gateway=Client(serve.origin),
            admin=Client(serve.words[1].removeprefix("admin=")),
            emulator=Client(emulator.origin),
            backend=Client(backend.origin),
            serve=serve,
            config=config,
            data_dir=data_dir,
        )
        app = {"appid": APPID, "secret": SECRET}
        assert running_stack.emulator.post_json("/emulator/wechat/apps", app).status == 200
        yield running_stack


@dataclass(frozen=True)
class Seen:
    """What stands on the screen after a command, and what could be read meanwhile."""

    page: str
    texts: list[str]
    images: list[str]
    passed: list[list[str]]
    toasts: list[dict[str, Any]]
    modals: list[dict[str, str]]
    opened: list[str]
    storage: dict[str, Any]

    def shows(self, *texts: str) -> bool:
        return all(text in self.texts for text in texts)

    def passed_by(self, text: str) -> bool:
        return any(text in texts for texts in self.passed)


@dataclass
class Phone:
    process: subprocess.Popen[str]
    log: Path
    seen: Seen = field(init=False)

    def do(self, what: str, **options: Any) -> Seen:
        """Do this, and wait until nothing is under way any more. Code of the program that throws fails the test."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"do": what, **options}) + "\n")
        self.process.stdin.flush()
        readable = select.select([self.process.stdout], [], [], ANSWERS_WITHIN)[0]
        line = self.process.stdout.readline() if readable else ""
        assert line, f"the phone does not answer: {self.log.read_text()}"
        told = json.loads(line)
        assert not told.pop("error"), (told, line)
        self.seen = Seen(**told)
        return self.seen

    def launch(self, path: str = "pages/orders/orders") -> Seen:
        return self.do("launch", path=path)

    def press(self, text: str, **options: Any) -> Seen:
        return self.do("press", text=text, **options)

    def type(self, name: str, text: str) -> Seen:
        return self.do("type", name=name, text=text)

    def tab(self, text: str) -> Seen:
        return self.do("tab", text=text)

    def pull(self) -> Seen:
        return self.do("pull")

    def back(self) -> Seen:
        return self.do("back")


@contextlib.contextmanager
def open_phone(
    stack: Stack,
    directory: Path,
    user: str,
    *,
    gateway: str = "",
    emulated: bool = False,
    storage: dict[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Phone]:
    """The phone of ``user``. ``emulated`` is the config as it is in the repository: no AppID, codes of the emulator."""
    config = {GATEWAY: gateway or stack.gateway.origin, EMULATOR: stack.emulator.origin, "'zhangsan'": f"'{user}'"}
    given = {
        "root": str(EXAMPLE),
        "emulator": stack.emulator.origin,
        "appid": APPID,
        "user": "the-phone-itself-is-not-asked" if emulated else user,
        "envVersion": "develop" if emulated else "release",
        "storage": storage or {},
        "replace": {"config.js": config},
        **settings,
    }
    log = directory / f"phone-{time.monotonic_ns()}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            ["node", str(DEVICE), json.dumps(given)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            bufsize=1,
        )
    try:
        yield Phone(process, log)
    finally:
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def taken_over(storage: dict[str, Any], **texts: str) -> dict[str, Any]:
    """What a phone had stored, each of these texts replaced by another wherever it stands."""
    written = json.dumps(storage)
    for text, instead in texts.items():
        assert text in written
        written = written.replace(text, instead)
    found: dict[str, Any] = json.loads(written)
    return found
