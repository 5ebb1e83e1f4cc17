"""The callbacks WeCom sends: what is in them, for whom they are encrypted, and what they do to the state.

Two channels (document 97165): template events, encrypted for the suite id; app events, encrypted for the corp.
URL verification of either is encrypted for the provider's own corpid. Fields: documents 90628, 97172–97175 (template)
and 96302–96305 (app).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jit_qywx.emulator.cipher import MessageCipher
from jit_qywx.emulator.delivery import Callback

if TYPE_CHECKING:
    from jit_qywx.emulator.changes import Change
    from jit_qywx.emulator.corps import CorpApp, Suite
    from jit_qywx.emulator.wecom import Platform

    Fields = Mapping[str, object]

MEMBER_GRANTS = {"Name": "user_name", "Position": "position", "Telephone": "telephone"}
"""Elements of a member event that need a grant; for the others see `WITHDRAWN_2022`."""

WITHDRAWN_2022 = {
    "Mobile": "mobile", "Email": "email", "BizMail": "email", "Gender": "gender", "Avatar": "avatar",
    "Address": "address",
}  # fmt: skip
"""Elements that only apps from before 2022-06-20 get, and the grant each needs."""


class Callbacks:
    """Makes callbacks.

    Args:
        platform: the state they tell of.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    # Template channel

    def ticket(self, suite: Suite) -> Callback:
        """suite_ticket (90628), with a new ticket."""
        return self._template(suite, "suite_ticket", {"SuiteTicket": self._platform.tickets.make(suite.id)})

    def event(self, suite: Suite, info_type: str, app: CorpApp | None = None, **fields: object) -> Callback:
        """Any template event.

        create_auth carries a new auth code, reset_permanent_code resets and carries one, cancel_auth cancels.

        Args:
            suite: whose event.
            info_type: InfoType.
            app: the app it is about.
            fields: further elements.
        """
        state = {"State": app.state} if app is not None and app.state else {}
        if app is None:
            return self._template(suite, info_type, fields)
        if info_type == "create_auth":
            code = self._platform.auth_codes.make(app)
            return self._template(suite, info_type, {"AuthCode": code, **state, **fields})
        if info_type == "reset_permanent_code":
            return self._template(suite, info_type, {"AuthCode": self._platform.reset_secret(app), **fields})
        if info_type == "cancel_auth":
            self._platform.cancel(app)
            state = {}
        return self._template(suite, info_type, {"AuthCorpId": app.corpid, **state, **fields})

    # App channel

    def change(self, app: CorpApp, change: Change) -> Callback:
        """A contact event, with what the app may see of it."""
        return self.app_event(app, "change_contact", ChangeType=change.type, **self._visible(app, change))

    def app_event(self, app: CorpApp, event: str, **fields: object) -> Callback:
        """Any event of the app channel."""
        head = {
            "ToUserName": app.corpid,
            "FromUserName": "sys",
            "CreateTime": int(self._platform.clock()),
            "MsgType": "event",
            "Event": event,
        }
        return self._message(*self._keys(app), app.corpid, app.corpid, str(app.agentid), {**head, **fields})

    # Either

    def echo(self, suite: Suite, app: CorpApp | None = None) -> Callback:
        """URL verification of the template channel, or of an app's."""
        token, aes_key = (suite.token, suite.aes_key) if app is None else self._keys(app)
        cipher = MessageCipher(token, aes_key, self._platform.provider_corpid)
        plaintext = "".join(str(byte % 10) for byte in self._platform.mint.bytes("echostr", 19))
        return self._sign(cipher, plaintext, None)

    def _template(self, suite: Suite, info_type: str, fields: Fields) -> Callback:
        head = {"SuiteId": suite.id, "InfoType": info_type, "TimeStamp": int(self._platform.clock())}
        return self._message(suite.token, suite.aes_key, suite.id, suite.id, "", {**head, **fields})

    def _message(
        self, token: str, aes_key: str, receiveid: str, to_user: str, agentid: str, fields: Fields
    ) -> Callback:
        cipher = MessageCipher(token, aes_key, receiveid)
        return self._sign(cipher, xml(fields), {"ToUserName": to_user, "AgentID": agentid})

    def _sign(self, cipher: MessageCipher, plaintext: str, envelope: Fields | None) -> Callback:
        """A message in its envelope, or (without one) an echostr."""
        mint = self._platform.mint
        encrypted = cipher.encrypt(plaintext.encode(), mint.bytes("callback random", 16))
        timestamp = str(int(self._platform.clock()))
        nonce = "".join(str(byte % 10) for byte in mint.bytes("nonce", 10))
        return Callback(
            nonce=nonce,
            timestamp=timestamp,
            signature=cipher.sign(timestamp, nonce, encrypted),
            body=b"" if envelope is None else xml({**envelope, "Encrypt": encrypted}).encode(),
            echostr=encrypted if envelope is None else None,
            plaintext=plaintext,
        )

    def _keys(self, app: CorpApp) -> tuple[str, str]:
        suite = self._platform.suites[app.suite_id or ""]
        return app.token or suite.token, app.aes_key or suite.aes_key

    def _visible(self, app: CorpApp, change: Change) -> dict[str, object]:
        """The change's elements without what the app was not granted, ids as the app knows them."""
        fields: dict[str, object] = dict(change.fields)
        if change.type.endswith("_party"):
            if not app.may("department_name"):
                fields.pop("Name", None)
            return fields
        view = self._platform.view(app)
        with view.org.lock:
            if change.type == "update_tag":
                for name in ("AddUserItems", "DelUserItems"):
                    if name in fields:
                        fields[name] = ",".join(view.show(user) for user in str(fields[name]).split(","))
                return fields
            for name, grant in MEMBER_GRANTS.items():
                if not app.may(grant):
                    fields.pop(name, None)
            for name, grant in WITHDRAWN_2022.items():
                if not (app.created_before_2022 and app.may(grant)):
                    fields.pop(name, None)
            if app.open_ids:
                fields["UserID"] = view.open_serial(change.serial)
                fields.pop("NewUserID", None)  # A ciphertext id stays when the userid changes.
            if "Department" in fields:
                self._cut_places(app, fields)
            if "DirectLeader" in fields:
                leaders = view.show_all(str(fields["DirectLeader"]).split(","))
                fields["DirectLeader"] = ",".join(leaders)
        return fields

    def _cut_places(self, app: CorpApp, fields: dict[str, object]) -> None:
        """Leave the departments outside the range out of the parallel lists, and the main one if it is outside."""
        view = self._platform.view(app)
        departments = [text for text in str(fields["Department"]).split(",") if text]
        leads = str(fields.get("IsLeaderInDept", "")).split(",")
        seen = [index for index, text in enumerate(departments) if view.sees_department(int(text))]
        fields["Department"] = ",".join(departments[index] for index in seen)
        fields["IsLeaderInDept"] = ",".join(leads[index] for index in seen)
        main = str(fields.get("MainDepartment", ""))
        if main and not view.sees_department(int(main)):
            del fields["MainDepartment"]


def xml(fields: Fields) -> str:
    """`<xml>` with an element for each field: numbers bare, texts as CDATA, mappings nested."""
    return f"<xml>{_elements(fields)}</xml>"


def _elements(fields: Fields) -> str:
    made = []
    for name, value in fields.items():
        # The official sample of suite_ticket has a space before this CDATA; a receiver has to strip the text.
        space = " " if (name, value) == ("InfoType", "suite_ticket") else ""
        made.append(f"<{name}>{space}{_content(value)}</{name}>")
    return "".join(made)


def _content(value: object) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{text}]]>"
