"""The emulator as its users hold it: a server that runs, and everything one may do to it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from jit_qywx.emulator.administration import Administration
from jit_qywx.emulator.callbacks import Callbacks
from jit_qywx.emulator.calls import CallRecord
from jit_qywx.emulator.clock import Clock
from jit_qywx.emulator.control import PREFIX, Control
from jit_qywx.emulator.courier import Courier, Disturbance
from jit_qywx.emulator.faults import Fault, Faults
from jit_qywx.emulator.latency import Latency
from jit_qywx.emulator.limits import Limits
from jit_qywx.emulator.pages import Pages
from jit_qywx.emulator.pipeline import API, NOT_FOUND, Pipeline
from jit_qywx.emulator.routes.contacts import warm
from jit_qywx.emulator.shuffling import Shuffle
from jit_qywx.emulator.wecom import Platform
from jit_qywx.emulator.wire import HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from jit_qywx.emulator.answers import Answer
    from jit_qywx.emulator.changes import Change
    from jit_qywx.emulator.corps import CorpApp, Suite
    from jit_qywx.emulator.delivery import Delivery, Target
    from jit_qywx.emulator.export_jobs import Job
    from jit_qywx.emulator.wire import Request

FILES = "/export/"


class Emulator(Administration):
    """A WeCom server of your own; the package's docstring lists what it can do.

    Args:
        seed: decides every id, secret, code and token made here, and every draw.
        host: address to bind; keep it on the loopback, the control API asks no questions.
        port: port to bind, 0 takes a free one.
        clock: the emulator's time, a `Clock`; by default the machine's time.

    Attributes:
        clock: its time.
        platform: the state behind the API.
        calls: the record of calls.
        faults: faults in force.
        limits: limits in force.
        latency: delays in force.
        callbacks: makes callbacks without sending them.
        courier: sends callbacks in the background.
        suite: the first suite, made at the start.
    """

    def __init__(self, *, seed: object = 0, host: str = "127.0.0.1", port: int = 0, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.platform = Platform(seed, self.clock)
        self.calls = CallRecord()
        self.faults = Faults(seed)
        self.limits = Limits(self.clock)
        self.latency = Latency(seed)
        self.callbacks = Callbacks(self.platform)
        self.courier = Courier()
        self.suite = self.platform.add_suite()
        self._closing = threading.Event()
        self._control = Control(self)
        self._pages = Pages(self)
        self._followed: dict[str, list[Callable[[], None]]] = {}
        self._pipeline = Pipeline(
            self.platform, self.calls, self.faults, self.limits, self.latency, lambda: self.url, self._closing
        )
        self.platform.exports.on_done = self._tell_of_export
        self._server = HttpServer(self._respond, host, port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server; hanging calls are let go, connections cut, callbacks on their way lost."""
        self._closing.set()
        self.courier.close()
        self.faults.release()
        self._server.close()
        self.platform.exports.close()

    @property
    def url(self) -> str:
        """`http://host:port`."""
        host, port = self._server.address
        return f"http://{host}:{port}"

    @property
    def base_url(self) -> str:
        """`http://host:port/cgi-bin/`: what a client takes as `apiBaseUrl`."""
        return self.url + API

    @property
    def login_base_url(self) -> str:
        """`http://host:port/`: what stands in for the hosts of WeCom's login pages (`loginBaseUrl`)."""
        return self.url + "/"

    # Disturbance

    def at_call(self, number: int, do: Callable[[], object], *, path: str = "*", corpid: str | None = None) -> Fault:
        """Run `do` just before the `number`-th matching call from now (1 = the next one) is answered."""
        return self.faults.add(path, corpid=corpid, at_call=number, times=1, then=do)

    def shuffle(self, seed: object | None) -> None:
        """Put the lists and keys of every answer into an order drawn from `seed`; None: the usual order."""
        self._pipeline.shuffle = None if seed is None else Shuffle(seed)

    def reset(self) -> None:
        """Forget calls, faults, limits, delays and shuffling; corps, grants and tokens stay."""
        self.faults.clear()
        self.limits.clear()
        self.latency.clear()
        self.shuffle(None)
        self.calls.clear()

    def warm(self, corpid: str, *, suite_id: str | None = None) -> None:
        """Render the corp's department/list and user/list answers now, so that a benchmark measures its client."""
        warm(self.platform.view(self.app(corpid, suite_id)))

    # Callbacks

    def push_ticket(self, target: Target | None = None, suite_id: str | None = None) -> Delivery:
        """Push a new suite_ticket.

        Args:
            target: `notify(nonce, msg_signature, timestamp, echostr=None, body=b"")`, or a URL to POST to; None = the
                suite's callback URL.
            suite_id: the suite, by default the first one.

        Raises:
            LookupError: there is no target and no callback URL.
        """
        suite = self.suite_of(suite_id)
        return self.callbacks.ticket(suite).deliver(self._template_target(target, suite))

    def push_event(
        self,
        target: Target | None,
        info_type: str,
        corpid: str | None = None,
        *,
        suite_id: str | None = None,
        state: str = "",
        **fields: object,
    ) -> Delivery:
        """Push a template event, and do what it tells of.

        Args:
            target: as of `push_ticket`.
            info_type: "create_auth" authorises (unless the corp has), "cancel_auth" cancels, "reset_permanent_code"
                resets; "change_auth" and any other are only told.
            corpid: the corp it is about.
            suite_id: the suite, by default the first one.
            state: of create_auth: the state of the install link.
            fields: further elements of the message.
        """
        suite = self.suite_of(suite_id)
        place = self._template_target(target, suite)
        app = None
        if corpid is not None:
            app = self.install(corpid, suite.id) if info_type == "create_auth" else self.app(corpid, suite.id)
            app.state = state or app.state
        return self.callbacks.event(suite, info_type, app, **fields).deliver(place)

    def push_change(
        self, target: Target | None, corpid: str, change: Change, *, suite_id: str | None = None
    ) -> Delivery:
        """Push the contact event of an edit on the app channel; target None = the app's callback URL."""
        app = self.app(corpid, suite_id)
        return self.callbacks.change(app, change).deliver(self._app_target(target, app))

    def push_app_event(
        self, target: Target | None, corpid: str, event: str, *, suite_id: str | None = None, **fields: object
    ) -> Delivery:
        """Push any event of the app channel, such as "batch_job_result" with BatchJob={…}; target as of push_change."""
        app = self.app(corpid, suite_id)
        return self.callbacks.app_event(app, event, **fields).deliver(self._app_target(target, app))

    def push_echo(self, target: Target | None, corpid: str | None = None, *, suite_id: str | None = None) -> Delivery:
        """Verify a URL: of the template channel, or (with a corpid) of that corp's app; target None = what is set."""
        suite = self.suite_of(suite_id)
        if corpid is None:
            return self.callbacks.echo(suite).deliver(self._template_target(target, suite))
        app = self.app(corpid, suite.id)
        return self.callbacks.echo(suite, app).deliver(self._app_target(target, app))

    def follow(
        self,
        corpid: str,
        target: Target | None = None,
        *,
        suite_id: str | None = None,
        drop: float = 0.0,
        triple: float = 0.0,
        window: float = 0.0,
        seed: object = 0,
    ) -> Callable[[], None]:
        """From now on push the event of every edit of the corp's organisation.

        A callable gets it at once, in the thread of the edit, unless there is a disturbance. Anything else is sent in
        the background, each callback up to three times until it is answered with 200; `courier` tells how that goes.

        Args:
            corpid: the corp.
            target: as of `push_change`; None = whatever the app's callback URL is when the edit is made. A corp that
                has not authorised the suite, or cancelled it, is not told of.
            suite_id: the suite, by default the first one.
            drop: share of the callbacks that never arrive, 0 to 1.
            triple: share of the callbacks that arrive three times.
            window: seconds that each copy waits at most; later ones overtake it.
            seed: decides what is dropped, repeated, and how long each waits.

        Returns:
            a function that stops it; `unfollow` does too.

        Raises:
            ValueError: the shares are not from 0 to 1, or are more than 1 together.
        """
        disturbance = Disturbance(drop=drop, triple=triple, window=window, seed=seed)
        at_once = callable(target) and not (drop or triple or window)
        corp = self.corp(corpid)

        def push(change: Change) -> None:
            app = corp.app_of(suite_id or self.suite.id)
            if not change.announced or app is None or app.cancelled:
                return
            place = target or self.platform.callback_url(app)
            if at_once:
                self.callbacks.change(app, change).deliver(place)
            elif place:
                self.courier.send(self.callbacks.change(app, change), place, disturbance)

        def stop() -> None:
            if push in corp.org.listeners:
                corp.org.listeners.remove(push)

        corp.org.listeners.append(push)
        self._followed.setdefault(corp.corpid, []).append(stop)
        return stop

    def unfollow(self, corpid: str) -> None:
        """End everything that `follow` began for a corp; what is on its way still arrives."""
        for stop in self._followed.pop(self.corp(corpid).corpid, []):
            stop()

    def _tell_of_export(self, job: Job) -> None:
        """batch_job_result to the app's callback URL, if it has one (document 96305)."""
        app = self.platform.corps[job.owner[0]].apps[job.owner[1]]
        url = self.platform.callback_url(app)
        if url:
            told = {"JobId": job.id, "JobType": f"export_{job.kind}", "ErrCode": 0, "ErrMsg": "ok"}
            self.courier.send(self.callbacks.app_event(app, "batch_job_result", BatchJob=told), url)

    def _template_target(self, target: Target | None, suite: Suite) -> Target:
        return self._given(target or suite.callback_url, f"suite {suite.id!r}")

    def _app_target(self, target: Target | None, app: CorpApp) -> Target:
        return self._given(target or self.platform.callback_url(app), f"the app of corp {app.corpid!r}")

    @staticmethod
    def _given(target: Target, whose: str) -> Target:
        if not target:
            raise LookupError(f"{whose} has no callback URL; set_callback_url sets one")
        return target

    def _respond(self, request: Request) -> Answer:
        if request.path.startswith(API):
            return self._pipeline.answer(request)
        page = self._pages.answer(request)
        if page is not None:
            return page
        if request.path.startswith(PREFIX):
            return self._control.answer(request)
        if request.path.startswith(FILES):
            return self._pipeline.file(request, request.path[len(FILES) :])
        return NOT_FOUND
