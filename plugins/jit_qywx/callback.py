"""The XML of WeCom's callbacks: the encrypted envelope outside, the event inside.

The parser takes no document type and no entities: nothing that WeCom sends needs them, and they are the way to make
an XML parser read files or run out of memory. Source: WeCom documents 90968 (envelope), 97172 (template events) and
90240 (events of an app).
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

__all__ = ["MAX_BYTES", "Event", "parse_app_event", "parse_envelope", "parse_template_event"]

#: More than WeCom ever sent, and little enough to be read while others wait.
MAX_BYTES = 1_000_000
_MAX_ELEMENTS = 5_000
_LONGEST_NAME = 64
#: Depth of the elements that are read: the root's children.
_CHILD = 2
_GRANDCHILD = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One event after decryption, of either channel.

    ``fields`` holds the text of each child of the root, stripped; it can hold an AuthCode, a SuiteTicket or what is
    known of a person, so it is left out of ``repr``. ``digest`` names the event's content: WeCom sends no delivery id.

    :param info_type: ``InfoType`` of a template event, for example ``create_auth``; ``Event`` of an app's event, for
        example ``change_contact``; ``MsgType`` of an app's message that is no event, for example ``text``.
    :param corpId: the enterprise it is about: ``AuthCorpId`` of a template event where it says so, else the one whose
        callback URL was called.
    :param time_stamp: ``TimeStamp`` or ``CreateTime``, seconds since the epoch.
    """

    info_type: str
    corpId: str | None
    time_stamp: int
    digest: str
    fields: Mapping[str, str] = field(repr=False)


def parse_envelope(body: bytes) -> str:
    """The ciphertext of a callback's POST body.

    :raises PayloadInvalid: the body is not the documented envelope.
    """
    encrypt = _children(body).get("Encrypt")
    if not encrypt:
        raise PayloadInvalid("The callback's body holds no Encrypt element.")
    return encrypt


def parse_template_event(message: bytes) -> Event:
    """The event inside a decrypted callback of the template channel (指令回调).

    :raises PayloadInvalid: the message is not XML, or has no InfoType.
    """
    fields = _children(message)
    info_type = fields.get("InfoType")
    if not info_type:
        raise PayloadInvalid(
            "The callback names no InfoType, so it is not a template event.",
            hint="An app's own callback URL (数据回调) must not point at the template's endpoint (指令回调).",
        )
    corpId = fields.get("AuthCorpId") or None
    digest = hashlib.sha256(message).hexdigest()
    return Event(_named(info_type), corpId, _stamp(fields, "TimeStamp"), digest, fields)


def parse_app_event(message: bytes, corpId: str) -> Event:
    """The event or message inside a decrypted callback of an app's channel (数据回调).

    :param corpId: whose URL was called: ``ToUserName`` may be empty.
    :raises PayloadInvalid: the message is not XML, or has no MsgType.
    """
    fields = _children(message)
    kind = fields.get("MsgType")
    info_type = fields.get("Event") if kind == "event" else kind
    if not info_type:
        raise PayloadInvalid(
            "The callback names neither MsgType nor Event, so it does not come from an app.",
            hint="The template's callback URL (指令回调) must not point at an app's endpoint (数据回调).",
        )
    # Two enterprises may send the same words in the same second.
    digest = hashlib.sha256(corpId.encode() + b"\0" + message).hexdigest()
    return Event(_named(info_type), corpId, _stamp(fields, "CreateTime"), digest, fields)


def _named(info_type: str) -> str:
    if len(info_type) > _LONGEST_NAME:
        raise PayloadInvalid(f"The callback's type has {len(info_type)} characters; none of WeCom's has so many.")
    return info_type


def _stamp(fields: Mapping[str, str], name: str) -> int:
    stamp = fields.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", stamp):
        raise PayloadInvalid(f"The callback has no usable {name}.")
    return int(stamp)


def _children(document: bytes) -> dict[str, str]:
    """The stripped text of each child of the root, and of each of their children, as ``BatchJob.JobType``."""
    if len(document) > MAX_BYTES:
        raise PayloadInvalid(f"The callback has {len(document)} bytes, more than the {MAX_BYTES} that are read.")
    reader = _Reader()
    try:
        reader.parser.Parse(document.decode("utf-8"), True)
    except (expat.ExpatError, UnicodeDecodeError):
        raise PayloadInvalid("The callback is not well-formed XML.") from None
    return reader.fields


class _Reader:
    """Expat with only the handlers that a flat document needs, and such as refuse what WeCom never sends.

    What it does for a document is bounded by its length, and by a number of elements: it reads before a signature was
    checked.
    """

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._path: list[str] = []
        self._elements = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.XmlDeclHandler = self._declared
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    @property
    def fields(self) -> dict[str, str]:
        return {name: "".join(texts).strip() for name, texts in self._texts.items()}

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() != "utf-8":
            raise PayloadInvalid("The callback is declared to be in another encoding than UTF-8.")

    def _refuse(self, *_: object) -> None:
        raise PayloadInvalid("The callback declares a document type, which is refused.")

    def _start(self, name: str, _: object) -> None:
        self._elements += 1
        if self._elements > _MAX_ELEMENTS:
            raise PayloadInvalid(f"The callback has more than {_MAX_ELEMENTS} elements.")
        self._path.append(name)
        if _CHILD <= len(self._path) <= _GRANDCHILD:
            self._texts[self._name()] = []

    def _end(self, _: str) -> None:
        self._path.pop()

    def _text(self, text: str) -> None:
        if _CHILD <= len(self._path) <= _GRANDCHILD:
            self._texts[self._name()].append(text)

    def _name(self) -> str:
        return ".".join(self._path[1:])
