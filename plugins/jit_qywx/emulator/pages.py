"""The pages that people open in a browser: install links, the login with a QR code, the login inside WeCom.

They are plain HTML with links. A program that plays the person adds what would be clicked to the address: `corpid=` to
an install link, `userid=` (or `openid=`, or `refuse=1`) to a login page. Sources: documents 98744 (install link), 98171
(QR), 96441 (inside WeCom).
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from jit_qywx.emulator.answers import MESSAGES, Answer
from jit_qywx.emulator.rendering import WITHDRAWN_2022
from jit_qywx.emulator.wecom import Login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jit_qywx.emulator.corps import Corp, CorpApp
    from jit_qywx.emulator.emulator import Emulator
    from jit_qywx.emulator.wire import Request

INSTALL = "/_emulator/install"
QR_LOGIN = "/wwlogin/sso/login"
WEB_LOGIN = "/connect/oauth2/authorize"
SCOPES = ("snsapi_base", "snsapi_privateinfo")
MOST = 200
"""Most members that a page lists; the others are typed."""


class PageError(Exception):
    """What a page shows instead.

    Args:
        errcode: WeCom's error code, where there is one for it.
        text: the sentence shown.
    """

    def __init__(self, text: str = "", errcode: int = 0) -> None:
        super().__init__(f"{errcode} {MESSAGES[errcode]}" if errcode else text)


class Pages:
    """Answers what a browser asks for.

    Args:
        emulator: what the pages change.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._pages: dict[str, Callable[[dict[str, str]], Answer]] = {
            INSTALL: self._install,
            QR_LOGIN: self._qr_login,
            WEB_LOGIN: self._web_login,
        }

    def answer(self, request: Request) -> Answer | None:
        """The page at a path; None when there is none."""
        page = self._pages.get(request.path)
        # A POST to the path of the install page is the control of that name.
        if page is None or request.method not in ("GET", "HEAD"):
            return None
        try:
            return page(request.query)
        except (PageError, LookupError) as error:
            return html(str(error), "", 400)

    def _install(self, query: dict[str, str]) -> Answer:
        """The corp's administrator opens an install link, and agrees."""
        emulator, link = self._emulator, query.get("link", "")
        corps = list(emulator.platform.corps.values())
        corpid = query.get("corpid", "")
        if not corpid:
            emulator.check_link(link)
            offers = [(f"{corp.name} ({corp.corpid})", {**query, "corpid": corp.corpid}) for corp in corps]
            return html("Authorise the app as the administrator of …", links(INSTALL, offers))
        emulator.scan(link, corpid)
        return html(f"{emulator.corp(corpid).name} has authorised the app.", "")

    def _qr_login(self, query: dict[str, str]) -> Answer:
        """A browser shows a QR code, a member scans it (98171). No private details come this way (98177)."""
        if query.get("login_type") != "CorpApp":
            raise PageError("login_type is CorpApp: ServiceApp is the login of providers, not of proxied apps")
        if not query.get("agentid"):
            raise PageError(errcode=41011)
        return self._login(QR_LOGIN, query, private=False)

    def _web_login(self, query: dict[str, str]) -> Answer:
        """A member opens the app inside WeCom (96441)."""
        if query.get("response_type") != "code":
            raise PageError("response_type is code")
        scope = query.get("scope", "")
        if scope not in SCOPES:
            raise PageError(f"scope is one of {', '.join(SCOPES)}")
        private = scope == "snsapi_privateinfo"
        if private and not query.get("agentid"):
            raise PageError(errcode=41011)
        return self._login(WEB_LOGIN, query, private=private)

    def _login(self, path: str, query: dict[str, str], *, private: bool) -> Answer:
        corp = self._emulator.platform.find_corp(query.get("appid", ""))
        if corp is None:
            raise PageError(errcode=40013)
        app = self._app(corp, query)
        person = query.get("userid") or corp.signed_in
        if query.get("refuse"):
            return lead_back(query, {})
        if not person and not query.get("openid"):
            return self._choice(path, query, corp, private=private)
        if person and "/" not in person and corp.org.find(person) is None:
            raise PageError(errcode=40003)
        agreed = tuple(query["agree"].split(",")) if "agree" in query else None
        login = Login(corp.corpid, app.agentid, person, query.get("openid", ""), private, agreed)
        return lead_back(query, {"code": self._emulator.platform.login_codes.make(login)})

    def _app(self, corp: Corp, query: Mapping[str, str]) -> CorpApp:
        """The app that asks, which trusts where the answer is to go."""
        place = urlsplit(query.get("redirect_uri", ""))
        trusting = [
            app
            for app in corp.apps.values()
            if query.get("agentid") in (None, "", str(app.agentid)) and not app.cancelled
        ]
        if not trusting:
            raise PageError(errcode=40056)
        for app in trusting:
            if place.scheme in ("http", "https") and app.redirect_domain and place.netloc == app.redirect_domain:
                if app.closed:
                    raise PageError(errcode=50003)
                return app
        raise PageError(errcode=50001)

    def _choice(self, path: str, query: dict[str, str], corp: Corp, *, private: bool) -> Answer:
        with corp.org.lock:
            members = [(member.userid, member.name) for member in corp.org.members.values() if not member.gone][:MOST]
        asked = [("userid", "userid")]
        if private:
            asked.append(("agree", f"agrees to show (of {','.join(WITHDRAWN_2022)}; nothing typed: none)"))
        offers = [(f"{name} ({userid})", {**query, "userid": userid}) for userid, name in members]
        offers.append(("… somebody who is no member", {**query, "openid": "o" * 28}))
        offers.append(("… refuse", {**query, "refuse": "1"}))
        return html(f"{corp.name}: who are you?", form(path, query, asked) + links(path, offers))


def lead_back(query: Mapping[str, str], answer: Mapping[str, str]) -> Answer:
    """Send the browser back to the app: with the code and the state, or with the state alone when refused."""
    told = {**answer, **({"state": query["state"]} if "state" in query else {})}
    parts = urlsplit(query["redirect_uri"])
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *told.items()]
    return Answer(b"", None, 302, "text/html", {"Location": urlunsplit(parts._replace(query=urlencode(pairs)))})


def html(title: str, body: str, status: int = 200) -> Answer:
    """A page; `body` is HTML."""
    page = f'<!doctype html><meta charset="utf-8"><title>WeCom emulator</title><h1>{escape(title)}</h1>{body}'
    return Answer(page.encode(), None, status, "text/html; charset=utf-8")


def links(path: str, offers: Iterable[tuple[str, Mapping[str, str]]]) -> str:
    """A list of links to one page, each with other parameters."""
    items = (f'<li><a href="{escape(f"{path}?{urlencode(query)}")}">{escape(text)}</a>' for text, query in offers)
    return f"<ul>{''.join(items)}</ul>"


def form(path: str, query: Mapping[str, str], asked: Iterable[tuple[str, str]]) -> str:
    """A form that opens the page again with what is typed."""
    kept = "".join(f'<input type="hidden" name="{escape(key)}" value="{escape(query[key])}">' for key in query)
    typed = "".join(f'<label>{escape(text)} <input name="{name}"></label> ' for name, text in asked)
    return f'<form action="{path}">{kept}{typed}<button>Go on</button></form>'
