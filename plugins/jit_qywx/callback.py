"""The XML of WeCom's callbacks: the encrypted envelope outside, the event inside.

The parser takes no document type and no entities: nothing that WeCom sends needs them, and they are the way to make
an XML parser read files or run out of memory. Source: WeCom documents 90968 (envelope) and 97172 (template events).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

from jit_qywx.errors import PayloadInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Event", "parse_envelope", "parse_event"]

_MAX_BYTES = 1_000_000
#: Depth of the elements that are read: the root's children.
_CHILD = 2


@dataclass(frozen=True, slots=True)
class Event:
    """One template event after decryption (WeCom document 97172).

    ``fields`` holds the text of each child of the root, stripped; it can hold an AuthCode or a SuiteTicket, so it is
    left out of ``repr``. ``digest`` names the event's content: WeCom sends no delivery id.
    """

    info_type: str
    suiteId: str
    time_stamp: int
    digest: str
    fields: Mapping[str, str] = field(repr=False)

    @property
    def auth_corp_id(self) -> str | None:
        """The enterprise the event is about, where it says so."""
        return self.fields.get("AuthCorpId") or None


def parse_envelope(body: bytes) -> str:
    """The ciphertext of a callback's POST body.

    :raises PayloadInvalid: the body is not the documented envelope.
    """
    encrypt = _children(body).get("Encrypt")
    if not encrypt:
        raise PayloadInvalid("The callback's body holds no Encrypt element.")
    return encrypt


def parse_event(message: bytes) -> Event:
    """The event inside a decrypted template callback.

    :raises PayloadInvalid: the message is not XML, or has no InfoType.
    """
    fields = _children(message)
    info_type = fields.get("InfoType")
    if not info_type:
        raise PayloadInvalid(
            "The callback names no InfoType, so it is not a template event.",
            hint="An app's own callback URL (数据回调) must not point at the template's endpoint (指令回调).",
        )
    stamp = fields.get("TimeStamp", "")
    if not re.fullmatch(r"[0-9]{1,18}", stamp):
        raise PayloadInvalid(f"The callback {info_type!r} has no usable TimeStamp.")
    return Event(
        info_type=info_type,
        suiteId=fields.get("SuiteId", ""),
        time_stamp=int(stamp),
        digest=hashlib.sha256(message).hexdigest(),
        fields=fields,
    )


def _children(document: bytes) -> dict[str, str]:
    """The stripped text of each child of the root."""
    if len(document) > _MAX_BYTES:
        raise PayloadInvalid(f"The callback has {len(document)} bytes, more than the {_MAX_BYTES} that are read.")
    reader = _Reader()
    try:
        reader.parser.Parse(document.decode("utf-8"), True)
    except (expat.ExpatError, UnicodeDecodeError):
        raise PayloadInvalid("The callback is not well-formed XML.") from None
    return {name: text.strip() for name, text in reader.fields.items()}


class _Reader:
    """Expat with only the handlers that a flat document needs, and one that refuses a document type at its start."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._path: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse(self, *_: object) -> None:
        raise PayloadInvalid("The callback declares a document type, which is refused.")

    def _start(self, name: str, _: object) -> None:
        self._path.append(name)
        if len(self._path) == _CHILD:
            self.fields[name] = ""

    def _end(self, _: str) -> None:
        self._path.pop()

    def _text(self, text: str) -> None:
        if len(self._path) == _CHILD:
            self.fields[self._path[-1]] += text
