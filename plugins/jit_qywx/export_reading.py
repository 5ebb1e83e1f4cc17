"""Reads what an enterprise exports: everything of one kind in a handful of calls, however much it is.

WeCom makes the files in the background, encrypted with a key that is made here for each job and forgotten with it. A
file counts only when its size and MD5 are those that WeCom told through the API, which no other list of WeCom's offers:
what was read is what WeCom made. That it made all of it, no file proves; ``jit_qywx.export_listing`` compares it with
what WeCom tells otherwise. Source: WeCom documents 94849 to 94954.
"""

from __future__ import annotations

import re
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from jit_qywx.client.downloads import Link
from jit_qywx.errors import ExportFailed
from jit_qywx.export_files import make_key, read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor, Future

    from jit_corps.progress import Progress
    from jit_qywx.client import QywxProxyClient

__all__ = ["DEPARTMENT", "SIMPLE_USER", "USER", "Block", "Exporting"]

Record: TypeAlias = dict[str, Any]

#: What is exported, named as its call is.
DEPARTMENT = "department"
USER = "user"
#: The same members in short: an id, a name and departments.
SIMPLE_USER = "simple_user"
_LISTS = {DEPARTMENT: "department", USER: "userlist", SIMPLE_USER: "userlist"}
#: The least and the most that WeCom allows. The smaller a file, the less a broken connection costs; but where all is in
#: one file, none can be missing.
_SMALL, _LARGE = 10_000, 1_000_000
_BLOCK_SIZES = {DEPARTMENT: _SMALL, USER: _SMALL, SIMPLE_USER: _LARGE}
_QUEUED, _RUNNING, _DONE, _FAILED = 0, 1, 2, 3
#: Seconds before the first question for a result, and at most between two.
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 5.0
#: Seconds that a job may take. WeCom states none; a walk of a large enterprise takes as long.
PATIENCE = 600.0
#: Seconds, and records, after which progress is told although no file was done.
_QUIET = 0.2
_TOLD_EVERY = 5_000
_MD5 = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Block:
    """One file of an export.

    :param call: what it is, for messages, path first: ``export/user block 2 of 12``.
    :param size: its bytes, which are proven to be those that WeCom made.
    :param records: of ``user/list``, ``user/simplelist`` or ``department/list``, to be read once; ``ExportFailed`` when
        there are none.
    """

    call: str
    size: int
    records: Iterator[Record]


@dataclass(frozen=True, slots=True)
class _Job:
    id: str = field(repr=False)
    key: str = field(repr=False)


class Exporting:
    """One export of an enterprise's departments and members, these twice.

    :param client: the enterprise's client.
    :param pool: fetches the next file while one is read.
    :param progress: called with (phase, done, total or None).
    """

    def __init__(self, client: QywxProxyClient, pool: Executor, progress: Progress) -> None:
        self._client = client
        self._pool = pool
        self._progress = progress
        self._jobs: dict[str, _Job] = {}
        self._waited = 0.0

    def submit(self) -> None:
        """Have WeCom begin: it works on all of them at once.

        :raises PermissionDenied: the app may not export.
        """
        submit: dict[str, Callable[[str, int], str]] = {
            DEPARTMENT: self._client.export.department,
            # Before the other one, so that whoever joins in between is more likely in that.
            SIMPLE_USER: self._client.export.simple_user,
            USER: self._client.export.user,
        }
        for kind, call in submit.items():
            key = make_key()
            self._jobs[kind] = _Job(call(key, _BLOCK_SIZES[kind]), key)

    def blocks(self, kind: str) -> Iterator[Block]:
        """The files of a job that was submitted, one after another; waits for it.

        :raises ExportFailed: the job failed, took too long, or named files that cannot be all.
        :raises TransportError: a file did not come, or is not what WeCom told.
        """
        job = self._jobs[kind]
        links = self._links(kind, job)
        for done, (link, file) in enumerate(self._fetched(links)):
            records = read_records(file, job.key, _LISTS[kind], call=link.call, corpId=link.corpId)
            yield Block(link.call, link.size, self._counted(records, done, len(links)))
            self._progress("export", done + 1, len(links))

    def _counted(self, records: Iterator[Record], done: int, total: int) -> Iterator[Record]:
        """The records; a file of a million takes long, and whoever waits for the run hears of it meanwhile."""
        for number, record in enumerate(records, 1):
            yield record
            if not number % _TOLD_EVERY:
                self._progress("export", done, total)

    def _links(self, kind: str, job: _Job) -> list[Link]:
        files = self._result(kind, job).get("data_list")
        if not isinstance(files, list) or not files:
            raise self._failed(kind, "is done and names no file")
        links = [
            self._link(kind, file, f"export/{kind} block {number} of {len(files)}")
            for number, file in enumerate(files, 1)
        ]
        # The same file twice stands where another should.
        if len({link.md5 for link in links}) < len(links) or len({link.url for link in links}) < len(links):
            raise self._failed(kind, "names a file twice")
        return links

    def _link(self, kind: str, file: object, call: str) -> Link:
        told: Mapping[str, Any] = file if isinstance(file, dict) else {}
        url, size, md5 = told.get("url"), told.get("size"), told.get("md5")
        if not (
            isinstance(url, str)
            and isinstance(size, int)
            and not isinstance(size, bool)
            and isinstance(md5, str)
            and _MD5.fullmatch(md5)
        ):
            raise self._failed(kind, "names a file without a usable url, size or md5")
        return Link(url, size, md5, call=call, corpId=self._client.corpId)

    def _result(self, kind: str, job: _Job) -> Record:
        """What became of a job, asked for again and again until it has ended."""
        pause = _FIRST_WAIT
        while self._waited < PATIENCE:
            # Whoever waits for the run hears of it, and may end it here.
            self._progress("export", 0, None)
            self._client.pause(pause)
            self._waited += pause
            pause = min(_LONGEST_WAIT, pause * 2)
            answer = self._client.export.get_result(job.id)
            status = answer["status"]
            if status == _DONE:
                return answer
            if status == _FAILED:
                raise self._failed(kind, "failed, says WeCom")
            if status not in (_QUEUED, _RUNNING):
                raise self._failed(kind, f"has a status that is not documented: {status}")
        raise self._failed(kind, f"was not done after {self._waited:.0f} seconds")

    def _fetched(self, links: list[Link]) -> Iterator[tuple[Link, IO[bytes]]]:
        """Each file, open while it is its turn; the next one is fetched meanwhile."""
        is_wanted = True

        def fetch(link: Link) -> Future[IO[bytes]]:
            return self._pool.submit(self._client.download, link, lambda: is_wanted)

        coming = fetch(links[0])
        try:
            for done, (link, following) in enumerate(zip(links, [*links[1:], None], strict=True)):
                with self._arrived(coming, link, done, len(links)) as file:
                    if following is not None:
                        coming = fetch(following)
                    yield link, file
        finally:
            is_wanted = False
            # Closes at once what was closed before, and later what arrives in vain.
            coming.add_done_callback(_close)

    def _arrived(self, coming: Future[IO[bytes]], link: Link, done: int, total: int) -> IO[bytes]:
        while not wait([coming], timeout=_QUIET).done:
            self._progress("export", done, total)
        failure: ExportFailed
        try:
            return coming.result()
        except OSError as error:
            failure = ExportFailed(f"{link.call} cannot be kept meanwhile: {error.strerror}.", call=link.call)
        raise failure

    def _failed(self, kind: str, what: str) -> ExportFailed:
        return ExportFailed(f"export/{kind} of enterprise {self._client.corpId} {what}.", call=f"export/{kind}")


def _close(fetched: Future[IO[bytes]]) -> None:
    if not fetched.cancelled() and fetched.exception() is None:
        fetched.result().close()
