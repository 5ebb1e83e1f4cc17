"""Suites, corps, and the apps that corps have installed: who may ask for what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from jit_qywx.emulator.records import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jit_qywx.emulator.changes import Change
    from jit_qywx.emulator.organisation import Org

NAME_PERMISSIONS = ("contact:sensitive:user_name", "contact:sensitive:department_name")
"""What a proxied app needs to see names at all (document 99052); granted by default, withdrawn at will."""

SENSITIVE = "contact:sensitive:"


@dataclass(slots=True)
class Suite:
    """A provider's app template (or third-party app).

    Attributes:
        id: `dk…` for a template, `ww…` for a third-party app (document 97162).
        secret: the suite_secret.
        token: verifies callbacks of the template channel and of the app channel.
        aes_key: EncodingAESKey, 43 characters.
        kind: "proxied" (the app token comes from gettoken) or "third-party" (from service/get_corp_token).
        name: shown name of the app.
        callback_url: of the template channel (指令回调URL); "" = nobody is told.
        app_callback_url: of the app channel of every corp that authorises (数据回调URL); `$CORPID$` in it stands for
            the corp's id.
    """

    id: str
    secret: str
    token: str
    aes_key: str
    kind: Literal["proxied", "third-party"] = "proxied"
    name: str = "代开发应用"
    callback_url: str = ""
    app_callback_url: str = ""


@dataclass(slots=True)
class VisibleRange:
    """What the corp's administrator lets an app see.

    Attributes:
        departments: with everything below them.
        users: single members.
        tags: the members and departments under them.
    """

    departments: tuple[int, ...] = (ROOT,)
    users: tuple[str, ...] = ()
    tags: tuple[int, ...] = ()


@dataclass(slots=True)
class CorpApp:
    """An app inside one corp; a proxied one is there because the corp authorised its suite.

    Attributes:
        corpid: the corp.
        agentid: the app's number in the corp.
        secret: the app's secret; of a proxied app this is the permanent code (document 97163).
        kind: "proxied", "third-party", "self-built" or "contact-sync" (通讯录同步 assistant).
        suite_id: the suite, None for the corp's own apps.
        range: the visible range.
        permissions: as agent/get_permissions tells them.
        closed: disabled by the corp: its API answers 50003.
        cancelled: the authorisation was withdrawn.
        publish_status: customized_publish_status of agent/get: 0 authorised … 2 online (document 96448).
        created_before_2022: the app still gets mobile, email, avatar, gender, address and biz_mail in lists.
        whole_structure: department/simplelist shows the ids of all departments (document 95406).
        open_ids: members are shown by provider-scoped ciphertext ids.
        hidden_names: what stands for a name that may not be seen: "missing" (no field) or "id" (the id itself).
        hidden_fields: further fields that never appear (`enable`, `status`, `main_department` …).
        home_url: shown by agent/get.
        redirect_domain: likewise; the only host (with its port, if it has one) that login pages lead back to.
        token: of the app's own callback channel; "" = as the suite's.
        aes_key: likewise.
        callback_url: likewise; "" = the suite's with the corp's id in it.
        state: the `state` of the link by which the suite was authorised.
        revision: grows with every change of the above.
    """

    corpid: str
    agentid: int
    secret: str
    kind: Literal["proxied", "third-party", "self-built", "contact-sync"] = "proxied"
    suite_id: str | None = None
    name: str = "代开发应用"
    range: VisibleRange = field(default_factory=VisibleRange)
    permissions: tuple[str, ...] = NAME_PERMISSIONS
    closed: bool = False
    cancelled: bool = False
    publish_status: int = 2
    created_before_2022: bool = False
    whole_structure: bool = False
    open_ids: bool = False
    hidden_names: Literal["missing", "id"] = "missing"
    hidden_fields: frozenset[str] = frozenset()
    home_url: str = ""
    redirect_domain: str = ""
    token: str = ""
    aes_key: str = ""
    callback_url: str = ""
    state: str = ""
    revision: int = 0

    @property
    def permanent_code(self) -> str:
        """The secret under its other name."""
        return self.secret

    def may(self, what: str) -> bool:
        """Whether the app was granted `contact:sensitive:<what>`; the corp's own apps see everything."""
        return self.kind in ("self-built", "contact-sync") or SENSITIVE + what in self.permissions

    def change(self, **fields: object) -> None:
        """Set attributes and let rendered answers know."""
        for name, value in fields.items():
            if name not in CHANGEABLE:
                raise TypeError(f"an app has no setting {name!r}; there are: {', '.join(sorted(CHANGEABLE))}")
            setattr(self, name, value)
        self.revision += 1


CHANGEABLE = frozenset(
    {
        "range", "permissions", "closed", "publish_status", "created_before_2022", "whole_structure", "open_ids",
        "hidden_names", "hidden_fields", "home_url", "redirect_domain", "name", "token", "aes_key",
        "callback_url",
    }
)  # fmt: skip


@dataclass(slots=True)
class Corp:
    """One enterprise.

    Attributes:
        corpid: as its apps see it; ids starting with "wp" are ciphertext and keep their case (document 97104).
        name: shown name.
        org: its organisation.
        admins: userid → auth_type (0 send messages, 1 manage), as agent/get_admin_list tells.
        apps: agentid → app.
        gone: errcode every call answers once the corp is dissolved or banned (301007, 2000002), 0 while it lives.
        signed_in: userid of whoever holds the telephone: login pages lead back at once; "" = they ask.
    """

    corpid: str
    name: str
    org: Org
    admins: Mapping[str, int] = field(default_factory=dict)
    apps: dict[int, CorpApp] = field(default_factory=dict)
    gone: int = 0
    signed_in: str = ""

    def follow_rename(self, change: Change) -> None:
        """A member who gets another userid stays in the visible ranges and among the administrators."""
        old, new = str(change.id), change.fields.get("NewUserID")
        if new is None:
            return
        self.admins = {new if userid == old else userid: kind for userid, kind in self.admins.items()}
        for app in self.apps.values():
            users = tuple(new if userid == old else userid for userid in app.range.users)
            app.change(range=replace(app.range, users=users))

    def app_of(self, suite_id: str) -> CorpApp | None:
        """The app by which the corp has (or last had) this suite; a template is installed at most once per corp."""
        found = [app for app in self.apps.values() if app.suite_id == suite_id]
        return found[-1] if found else None
