"""Whatever comes, from anybody: an answer below 500, no exception, and no input that costs much.

Twenty thousand inputs go through the ASGI application in this process: real callbacks with bytes changed, callbacks of
somebody who knows our keys with nonsense inside, requests that are no callbacks, and what Hypothesis thinks of. The
reader of XML is held against defusedxml.
"""

from __future__ import annotations

import base64
import random
import struct
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element, ParseError

import pytest
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit_qywx.callback import _children
from jit_qywx.enterprise_lane import EnterpriseLane
from jit_qywx.errors import PayloadInvalid
from jit_qywx.serving import asgi_app
from jit_qywx.template_lane import TemplateLane
from jit_qywx.worker import Worker
from tests.serving.driving import CORP, OTHER, PROVIDER, WECOM, Answer, Client, files_of_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    Case = tuple[str, str, bytes, list[bytes], dict[str, str]]

#: A real creation of an authorisation, as WeCom sent it to a third-party suite: Senparc's WorkMessageHandlerTest.
VECTOR = {
    "suiteId": "tj99bf85a7c6525277",
    "token": "3J5JTpb4j8Yfk",
    "encodingAESKey": "XtJUgDlFYncPP3z4V7W6Jv4ietcIFveUn6LP1KzOBNf",
    "suiteSecret": "unused",
}
VECTOR_QUERY = {
    "msg_signature": "118b034be74c917464f833cd32fc3f74958b2c93",
    "timestamp": "1505643268",
    "nonce": "1504921331",
}
VECTOR_ENCRYPT = (
    "mOYGyroKLkpIDLNn6DAPjdZbRsQlkUggk+LnYY2S/7O/nRxxu3hDsJLiod29NVMYpwVNHMqTnZALXmycI6c7+wWxway/T/91okclPXn+EB/u4vss5FKn"
    "tesFMxtGPRxt1aChMN9yNJNRhom05UD4c3B3lSicS10LE3MwWenb9t3CzbovlwM7T9jq1PFOA/0HyGZtwIoNdPjc0xaPe09oMvRtn69vu7whudjq2oI2"
    "7jmEvXAfrWxN29oYTb+dPmBgXx/y4Hs2nWctuiCS7l9jN/dgzKTfPP056k7AKp49XIe2PHJZsmq/jhKLh+7aVRjGcWQepgshtbRwNtolPsT3AoblAa/b"
    "e7d3igl/EbfguPTK/mAANEb73grwQxfNVH/MJr4sQrTKn/DHjbP9GyoKrr6qFxpDiziZB7LD/kvUqSw="
)
VECTOR_PATH = "/callbacks/auths.Vector"
#: CPU seconds that one input may cost: a hundred times what the largest one does.
MOST_SECONDS = 1.0
XML = {"content-type": "text/xml"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The server, with an element for the real callback; nothing is worked off and any time will do."""
    import json

    from jitcore import App

    files: dict[str, Any] = {
        **files_of_app(),
        "auths/Vector/e.json": {"type": "auths.loginTypes.QywxProxyType", "title": "Vector"},
        "auths/Vector/Vector.json": {"authConfig": VECTOR},
    }
    root = tmp_path_factory.mktemp("fuzz")
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content))
    with pytest.MonkeyPatch.context() as patch:
        for lane in (TemplateLane, EnterpriseLane):
            patch.setattr(lane, "start", lambda self: None)
        # Nobody works here, so nobody has to be waited for.
        patch.setattr(Worker, "settle", lambda self, *about, timeout=0: None)
        with App(root, plugins=False) as app, Client(asgi_app(app, reconcile=None, max_skew=float("inf"))) as client:
            yield client


class Fuzzer:
    """Makes inputs from a seed: the same seed, the same inputs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def cases(self, count: int) -> Iterator[Case]:
        kinds = (self.vector, self.inside, self.ciphertext, self.request, self.check)
        for number in range(count):
            yield kinds[number % len(kinds)]()

    def vector(self) -> Case:
        """A real callback with something changed, anywhere."""
        encrypt, query = VECTOR_ENCRYPT, dict(VECTOR_QUERY)
        body = f"<xml><ToUserName><![CDATA[x]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode()
        if self.random.random() < 0.7:
            body = self.mutated(body)
        else:
            name = self.random.choice(list(query))
            query[name] = self.mutated(query[name].encode()).decode("latin-1")
        return "POST", VECTOR_PATH, urlencode(query).encode(), self.parts(body), XML

    def inside(self) -> Case:
        """A callback of somebody who knows our keys, with nonsense inside."""
        corp = self.random.random() < 0.5
        message = (
            b"<xml><ToUserName><![CDATA[wwcorpa0000000]]></ToUserName><MsgType>event</MsgType><Event>change_contact</Event>"
            b"<CreateTime>1403610513</CreateTime><ChangeType>update_user</ChangeType><UserID>user1</UserID></xml>"
            if corp
            else b"<xml><SuiteId>dksuiteone</SuiteId><InfoType> <![CDATA[change_auth]]></InfoType><TimeStamp>1403610513"
            b"</TimeStamp><AuthCorpId>wwcorpa0000000</AuthCorpId></xml>"
        )
        receiver = CORP if corp else WECOM.suiteId
        if self.random.random() < 0.2:
            receiver = self.random.choice([OTHER, PROVIDER, "", "dksuitetwo", "\u4f01\u4e1a", receiver.upper()])
        path = f"/callbacks/auths.Wecom/{CORP}" if corp else "/callbacks/auths.Wecom"
        sent = WECOM.seal(self.mutated(message), receiver, path)
        return "POST", path, urlencode(sent.query).encode(), self.parts(sent.body), XML

    def ciphertext(self) -> Case:
        """What decrypts to something that is no message: padding, length and receiver at will, and well signed."""
        cipher = WECOM.cipher._cipher().encryptor()
        length = self.random.choice([0, 5, 40, 2**31, 2**32 - 1, self.random.randrange(200)])
        plain = self.random.randbytes(16) + struct.pack(">I", length) + self.random.randbytes(self.random.randrange(99))
        pad = self.random.choice([0, 1, 16, 32, 33, 255, 32 - len(plain) % 32])
        plain += bytes([pad]) * self.random.choice([pad, 1, 32 - len(plain) % 32])
        plain = plain[: len(plain) // 16 * 16] or b"\0" * 16
        encrypt = base64.b64encode(cipher.update(plain) + cipher.finalize()).decode()
        if self.random.random() < 0.3:
            encrypt = self.mutated(encrypt.encode()).decode("latin-1")
        query = {"msg_signature": WECOM.cipher.sign("1", "n", encrypt), "timestamp": "1", "nonce": "n"}
        body = f"<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>".encode()
        return "POST", "/callbacks/auths.Wecom", urlencode(query).encode(), self.parts(body), XML

    def request(self) -> Case:
        """A request that is no callback, in one or several ways."""
        words = [
            "auths.Wecom",
            "auths.Vector",
            CORP,
            "..",
            "%2e",
            "",
            "a" * 300,
            "\u4f01",
            "\x00",
            "callbacks",
            "$CORPID$",
        ]
        path = "/callbacks/" + "/".join(self.random.choices(words, k=self.random.randrange(1, 4)))
        names = ["msg_signature", "timestamp", "nonce", "echostr", "x", "", "%6eonce"]
        pairs = [
            f"{self.random.choice(names)}{self.random.choice(['=', '', '=='])}{self.word()}"
            for _ in range(self.random.randrange(8))
        ]
        query = "&".join(pairs)
        if self.random.random() < 0.4:
            # In order so far, so that what comes behind is looked at as well.
            path, query = VECTOR_PATH, urlencode(VECTOR_QUERY)
        headers = {
            "content-type": self.random.choice(["text/xml", "", "application/json", "a/b+xml", ";;", "\xff" * 9]),
            "content-length": self.random.choice(["0", "-1", "1e9", "9" * 30, "1000001", "\u00b2"]),
            "content-encoding": self.random.choice(["", "identity", "gzip"]),
        }
        method = self.random.choice(["GET", "POST", "PUT", "HEAD", "X" * 50, "\u00ff", ""])
        body = self.mutated(self.random.randbytes(self.random.randrange(60)))
        return method, path, query.encode("utf-8", "surrogateescape"), self.parts(body), headers

    def check(self) -> Case:
        """A URL check with something changed."""
        echo = WECOM.echo(self.random.choice([None, CORP, "$CORPID$"]))
        query = dict(echo.query)
        name = self.random.choice([*query, "none"])
        if name in query:
            query[name] = self.mutated(query[name].encode()).decode("latin-1")
        return "GET", echo.path, urlencode(query).encode(), [b""], {}

    def mutated(self, data: bytes, most: int = 4) -> bytes:
        """One to ``most`` changes: bits, bytes, pieces gone, twice, elsewhere, or replaced by what readers dislike."""
        out = bytearray(data)
        for _ in range(self.random.randint(1, most)):
            at, end = sorted(self.random.randrange(len(out) + 1) for _ in range(2))
            match self.random.randrange(8):
                case 0 if out:
                    out[self.random.randrange(len(out))] ^= 1 << self.random.randrange(8)
                case 1:
                    del out[at:end]
                case 2:
                    out[at:at] = out[at:end][:500]
                case 3:
                    out[at:at] = self.random.choice(NASTY)
                case 4:
                    out[at:end] = self.random.choice(NASTY)
                case 5:
                    out[at:at] = self.random.randbytes(self.random.randrange(9))
                case 6:
                    tag = self.random.choice([b"Encrypt", b"InfoType", b"MsgType", b"CDATA", b"xml", b"TimeStamp"])
                    out = bytearray(out.replace(tag, self.random.choice([b"", b"x", tag.lower(), tag * 9]), 1))
                case _:
                    out = out[:at]
        return bytes(out)

    def word(self) -> str:
        kinds = ["", "1", "%", "%ff", "+", "%00", "9" * 40, "\u4f01", quote("<xml>"), "a" * 5_000]
        return self.random.choice(kinds)

    def parts(self, body: bytes) -> list[bytes]:
        cuts = sorted(self.random.randrange(len(body) + 1) for _ in range(self.random.choice([0, 0, 0, 1, 5])))
        return [body[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


NASTY = [
    b"<!DOCTYPE x [<!ENTITY a \"b\">]>", b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'>", b"&a;", b"&#0;", b"&#x10FFFF;",
    b"<![CDATA[", b"]]>", b"<?xml version='1.0' encoding='utf-16'?>", b"<?xml version='1.0' encoding='UTF-8'?>",
    b"<?p i?>", b"<!--", b"-->", b"<a>" * 400, b"</xml>", b"<Encrypt>", b"</Encrypt>", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\x00", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", "\u4f01\U0001f600".encode(), b"xmlns:a='b'", b" a='1' a='2'",
    b"&lt;", b"\r\n", b"0" * 3_000, b"-1", b"1e5",
]  # fmt: skip


class Ledger:
    """Asks, and remembers what came of it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0

    async def ask(self, case: Case) -> Answer:
        begun = time.thread_time()
        answer = await self.client.call(*case)
        self.slowest = max(self.slowest, time.thread_time() - begun)
        self.statuses[answer.status] += 1
        assert 200 <= answer.status < 500, case
        return answer

    async def ask_all(self, cases: Iterator[Case]) -> None:
        for case in cases:
            await self.ask(case)


@pytest.mark.no_cover
def test_eighteen_thousand_mutations(client: Client) -> None:
    """Every one is answered below 500, none raises, none is slow, and each kind of answer occurs."""
    ledger = Ledger(client)
    client.run(ledger.ask_all(Fuzzer(20).cases(18_000)))
    assert ledger.statuses.total() == 18_000
    assert ledger.slowest < MOST_SECONDS
    assert set(ledger.statuses) >= {200, 400, 403, 404, 405, 413, 415}, ledger.statuses


FIELDS = st.sampled_from(["InfoType", "TimeStamp", "SuiteId", "AuthCorpId", "MsgType", "Event", "CreateTime", "UserID"])
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["event", "change_contact", "suite_ticket", "1", CORP]))
OFTEN = settings(
    max_examples=700, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@OFTEN
@given(message=st.one_of(st.binary(max_size=400), st.dictionaries(FIELDS, TEXTS)), corp=st.booleans())
def test_hundreds_of_messages(client: Client, message: bytes | dict[str, str], corp: bool) -> None:
    """Signed and encrypted for us, and anything inside."""
    if isinstance(message, dict):
        texts = "".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in message.items())
        message = f"<xml>{texts}</xml>".encode("utf-8", "replace")
    path = f"/callbacks/auths.Wecom/{CORP}" if corp else "/callbacks/auths.Wecom"
    sent = WECOM.seal(message, CORP if corp else WECOM.suiteId, path)
    ledger = Ledger(client)
    client.run(ledger.ask(("POST", path, urlencode(sent.query).encode(), [sent.body], XML)))
    assert ledger.slowest < MOST_SECONDS


@OFTEN
@given(
    method=st.sampled_from(["GET", "POST"]),
    query=st.binary(max_size=200),
    body=st.binary(max_size=300),
    path=st.text(max_size=30),
)
def test_hundreds_of_requests(client: Client, method: str, query: bytes, body: bytes, path: str) -> None:
    """Anything at all, at our addresses and near them."""
    ledger = Ledger(client)
    for place in ("/callbacks/auths.Wecom", f"/callbacks/{path}", f"/callbacks/auths.Wecom/{path}"):
        place = place.encode("utf-8", "replace").decode()
        client.run(ledger.ask((method, place, query, [body], XML)))
    assert ledger.slowest < MOST_SECONDS


def second_opinion(document: bytes) -> dict[str, str] | None:
    """What defusedxml reads, told as our reader tells it; None when it refuses."""
    try:
        root: Element = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    found = {}
    for child in root:
        found[_plain(child.tag)] = _own_text(child)
        for grandchild in child:
            found[f"{_plain(child.tag)}.{_plain(grandchild.tag)}"] = _own_text(grandchild)
    return found


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2] if tag[0] == "{" else tag


def _own_text(element: Element) -> str:
    return ((element.text or "") + "".join(one.tail or "" for one in element)).strip()


def read(document: bytes) -> dict[str, str] | None:
    try:
        return dict(_children(document))
    except PayloadInvalid:
        return None


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(3))
def test_our_reader_agrees_with_defusedxml(seed: int) -> None:
    """Whatever defusedxml refuses we refuse; what both read is equal; and we do not refuse what WeCom sends."""
    fuzzer = Fuzzer(seed)
    document = (
        b"<xml><SuiteId><![CDATA[dk]]></SuiteId><InfoType> <![CDATA[change_auth]]></InfoType><TimeStamp>1</TimeStamp>"
        b"<ExtAttr><Item><Name>&lt;a&gt;</Name></Item> tail</ExtAttr><Name>\xe5\xbc\xa0\xe4\xb8\x89</Name></xml>"
    )
    assert read(document) == second_opinion(document)
    accepted = 0
    for _ in range(8_000):
        mutated = fuzzer.mutated(document, most=2)
        ours, theirs = read(mutated), second_opinion(mutated)
        if theirs is None:
            assert ours is None, mutated
        elif ours is not None:
            assert ours == theirs, mutated
            accepted += 1
    assert accepted > 300


def test_the_real_callback_is_understood(client: Client) -> None:
    """What is mutated above is a callback that we take."""
    body = f"<xml><ToUserName>x</ToUserName><Encrypt>{VECTOR_ENCRYPT}</Encrypt></xml>".encode()
    answer = client.run(Ledger(client).ask(("POST", VECTOR_PATH, urlencode(VECTOR_QUERY).encode(), [body], XML)))
    assert (answer.status, answer.body) == (200, b"success")
