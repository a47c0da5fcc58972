"""XML as WeChat pushes it: one flat element, whose children are texts.

Read with expat alone, and nothing that a document type can declare: an entity is how eight kilobytes become gigabytes,
or a file of this machine (attack classes of XML: entity bombs, external entities).
"""

from __future__ import annotations

from typing import Never
from xml.parsers.expat import ExpatError, ParserCreate

from menshen.errors import BodyMalformed

__all__ = ["read_xml"]

_ROOT = "xml"


def read_xml(body: bytes) -> dict[str, str]:
    """The texts of the root's children, by name; what is deeper is passed over. Raises BodyMalformed."""
    reading = _Reading()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(body, True)
    except ExpatError:
        pass
    else:
        return reading.found
    raise BodyMalformed("not XML")


def _refuse(*_: object) -> Never:
    raise BodyMalformed("XML with a document type or an instruction")


class _Reading:
    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._open: list[str] = []

    def start(self, name: str, _attributes: object) -> None:
        self._open.append(name)
        if self._open[0] != _ROOT:
            raise BodyMalformed("another root than xml")
        if len(self._open) == 2:
            if name in self.found:
                raise BodyMalformed("an element twice")
            self.found[name] = ""

    def text(self, text: str) -> None:
        if len(self._open) == 2:
            self.found[self._open[1]] += text

    def end(self, _name: str) -> None:
        self._open.pop()
