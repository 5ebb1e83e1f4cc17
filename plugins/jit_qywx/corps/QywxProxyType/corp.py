"""The corp element of one enterprise that authorised a proxied app.

It holds nothing secret: it reaches WeCom only through ``getClient`` of the auth element that ``authFullName`` names.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from jit_corps.corp import Corp
from jit_qywx.errors import AgentAmbiguous, AgentUnknown, AuthUnavailable
from jitcore import open_apps
from jitcore.errors import ArgumentError, JitError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from jit_corps.checkpoints import Checkpoint
    from jit_corps.progress import Progress
    from jit_corps.recall import Recall
    from jit_corps.resting import Rest
    from jit_corps.snapshot import Snapshot, Targets
    from jit_qywx.client import QywxProxyClient
    from jitcore import App

__all__ = ["QywxProxyCorp"]

logger = logging.getLogger(__name__)

_AUTH_TYPE = "auths.loginTypes.QywxProxyType"
_CONCURRENCY = 8
#: So many records are read one by one even where everything takes fewer calls: those of a full reading weigh more.
_ONE_BY_ONE = 50


class QywxProxyCorp(Corp):
    """Organisation of a WeCom enterprise (seed page: WeCom proxy development organization).

    Business file: ``corpId`` (the enterprise, as the app knows it) and ``authFullName`` (the auth element of the
    suite it authorised); optionally ``concurrency`` (most calls at once, default 8), ``fetch`` (``auto``, ``walk`` or
    ``export``: how the organisation is read) and ``strictRoles``.
    """

    @property
    def concurrency(self) -> int:
        """Most calls at once while the organisation is read."""
        return int(self.config.get("concurrency", _CONCURRENCY))

    @property
    def parked(self) -> str | None:
        """Why WeCom is not asked about this enterprise: it refused the secret, or a quota is used up; else None.

        :meth:`~jit_qywx.auths.loginTypes.QywxProxyType.QywxProxyAuth.resume` of the auth element ends that.
        """
        auth: Any = self.app.getElement(self.authFullName)
        return auth.parked().get(self.corpId) if hasattr(auth, "parked") else None

    @property
    def resting(self) -> Rest | None:
        """Why ``jit sync --all`` passes it over: the enterprise is parked, suspended or cancelled; None otherwise."""
        auth: Any = self.app.getElement(self.authFullName)
        return auth.resting(self.corpId) if hasattr(auth, "resting") else None

    def getClient(self) -> QywxProxyClient:
        """WeCom's API as this enterprise's proxied app may call it (seed page).

        :raises CorpUnknown: the enterprise has not authorised the suite.
        :raises AuthorizationLost: it cancelled the authorization.
        :raises AuthUnavailable: the auth element is of a Type that knows no enterprises.
        """
        auth = self.app.getElement(self.authFullName)
        if not hasattr(auth, "getClient"):
            raise AuthUnavailable(
                f"{self.authFullName}, the auth element of {self.fullName}, hands out no clients.",
                corpId=self.corpId,
                hint="authFullName has to name an element of a Type such as auths.loginTypes.QywxProxyType.",
            )
        client: QywxProxyClient = auth.getClient(self.corpId)
        return client

    def fetch(self, known: AbstractSet[str], *, confirm: int, progress: Progress) -> Snapshot:
        """Read the organisation from WeCom; touches no database but for tokens, and for ids that may have changed.

        Of a large organisation, mail and telephone numbers are left out.

        :param known: ids of members active here.
        :param confirm: most members who are not listed to ask for once more.
        :param progress: called with (phase, done, total or None).
        :raises ApiError: a call was refused; it says which.
        :raises TransportError: a call got no usable answer.
        :raises ExportFailed: an export came to nothing, and the business file allows no other way.
        """
        return self._read(known, confirm, progress)

    def fetch_contacts(self, known: AbstractSet[str], *, confirm: int, progress: Progress) -> Snapshot:
        """As :meth:`fetch`, with mail and telephone numbers as far as the app was granted them."""
        return self._read(known, confirm, progress, contacts=True)

    def fetch_or_resume(self, known: AbstractSet[str], *, confirm: int, progress: Progress) -> Snapshot:
        """As :meth:`fetch`, but what an interrupted reading has read is kept for a while and not read again.

        Lists that say what they said when the organisation was last published are told apart, if the auth element has a
        key for their digests: see :mod:`jit_corps.fingerprints`.
        An element whose Type has its own ``fetch`` is read by that, from the beginning.
        """
        if type(self).fetch is not QywxProxyCorp.fetch:
            return self.fetch(known, confirm=confirm, progress=progress)
        from jit_corps.checkpoints import Checkpoint
        from jit_corps.recall import Recall
        from jit_qywx.pages import pack, unpack

        auth: Any = self.app.getElement(self.authFullName)
        digests = auth.digests() if hasattr(auth, "digests") else None
        recall = None if digests is None else Recall(self.app.storage, self.fullName, self.clock, digests)
        kept = Checkpoint(self.app.storage, self.fullName, self.corpId, self.clock, pack=pack, unpack=unpack)
        try:
            return self._read(known, confirm, progress, kept, recall)
        finally:
            kept.close()

    def _read(
        self,
        known: AbstractSet[str],
        confirm: int,
        progress: Progress,
        checkpoint: Checkpoint | None = None,
        recall: Recall | None = None,
        *,
        contacts: bool = False,
    ) -> Snapshot:
        from jit_qywx.export_choice import AUTO
        from jit_qywx.kept import Kept
        from jit_qywx.reading import read_corp

        auth: Any = self.app.getElement(self.authFullName)
        with self.getClient().reading() as client:
            return read_corp(
                client,
                known,
                confirm=confirm,
                concurrency=self.concurrency,
                progress=progress,
                corpName=client.corpName,
                fetch=self.config.get("fetch", AUTO),
                everybody=Kept(self.app.storage, self.fullName).everybody,
                memory=auth.exports(self.corpId) if hasattr(auth, "exports") else None,
                checkpoint=checkpoint,
                recall=recall,
                contacts=contacts,
            )

    def fetch_targets(self, targets: Targets, *, progress: Progress) -> Snapshot:
        """Read single records from WeCom, and what hangs on them; looks up here what need not be read.

        :param targets: what to read.
        :param progress: called with (phase, done, total or None).
        :raises TargetsUnsupported: reading everything takes fewer calls.
        :raises ApiError: WeCom could not answer now, or answers this app no more.
        :raises TransportError: a call got no usable answer.
        """
        from jit_corps.errors import TargetsUnsupported
        from jit_qywx.kept import Kept
        from jit_qywx.reading_targets import read_targets

        kept = Kept(self.app.storage, self.fullName)
        named = len(targets.departments) + len(targets.members) + len(targets.roles)
        # A rename is known from its event alone, so it is never left to a full reading.
        if named > _ONE_BY_ONE and not targets.renames and named > kept.calls_for_everything():
            raise TargetsUnsupported(self.fullName)
        with self.getClient().reading() as client:
            return read_targets(
                client,
                targets,
                kept,
                concurrency=self.concurrency,
                progress=progress,
                corpName=client.corpName,
            )

    @staticmethod
    def getAgentId(corpId: str, suiteId: str) -> str:
        """The AgentId of an enterprise's proxied app (seed page).

        Looks through the auth elements of every open App.

        :param corpId: the enterprise.
        :param suiteId: the template it authorised.
        :raises AgentUnknown: no open App knows it.
        :raises AgentAmbiguous: open Apps disagree.
        """
        for name, value in (("corpId", corpId), ("suiteId", suiteId)):
            if not isinstance(value, str) or not value:
                raise ArgumentError(f"{name} is a str that is not empty, not {type(value).__name__}.")
        apps = open_apps()
        found = {agentId: app for app in apps for agentId in _agent_ids(app, corpId, suiteId)}
        if not found:
            raise _unknown(corpId, suiteId, apps)
        if len(found) > 1:
            told = ", ".join(f"{agentId} in {app.name}" for agentId, app in sorted(found.items()))
            raise AgentAmbiguous(
                f"The open Apps know different AgentIds of enterprise {corpId} for suite {suiteId}: {told}.",
                corpId=corpId,
                hint="Close the other App, or ask one App's auth element: auth.getAuthorization(corpId).agentId.",
            )
        return next(iter(found))


def _agent_ids(app: App, corpId: str, suiteId: str) -> list[str]:
    return [
        authorization.agentId
        for auth in _auths(app)
        if auth.suiteId == suiteId
        for authorization in auth.authorizations()
        if authorization.corpId == corpId and authorization.agentId is not None and authorization.state != "cancelled"
    ]


def _auths(app: App) -> list[Any]:
    auths = []
    for handle in app.findElements(type=_AUTH_TYPE):
        try:
            auths.append(handle.load())
        except JitError as error:
            # One that cannot be loaded knows no AgentId, and must not hide those that do.
            logger.warning("%s cannot be asked for an AgentId: %s", handle.fullName, error.code)
    return auths


def _unknown(corpId: str, suiteId: str, apps: tuple[App, ...]) -> AgentUnknown:
    if not apps:
        why = "no App is open"
    elif not any(auth.suiteId == suiteId for app in apps for auth in _auths(app)):
        why = f"no auth element of {', '.join(app.name for app in apps)} has that suite"
    else:
        why = f"{', '.join(app.name for app in apps)} has no authorization of that enterprise with an AgentId"
    return AgentUnknown(
        f"The AgentId of enterprise {corpId} for suite {suiteId} is not known: {why}.",
        corpId=corpId,
        hint="Open the App whose auth element received the authorisation. The AgentId comes with create_auth.",
    )
