"""Asynchronous exports: jobs, and the encrypted files they leave (documents 94849–94956).

The file is AES-256-CBC with the caller's key, IV its first half, PKCS7 to 32 bytes, and the plaintext is taken to be
the JSON itself: the documents mention neither a random prefix nor a length.

Files lie on the disk, and each block is rendered when it is its turn: a million members are exported in the memory of
one block. A large job is worked off in a thread of its own, as WeCom's are.
"""

from __future__ import annotations

import base64
import hashlib
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, cast

from jit_qywx.emulator.answers import FILE_TYPE, Answer, ApiError, encode
from jit_qywx.emulator.cipher import decode_key, encrypt_cbc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jit_qywx.emulator.corps import CorpApp
    from jit_qywx.emulator.credentials import Mint

    Blocks = Iterator[dict[str, Any]]
    Done = Callable[["Job"], object]

RUNNING, DONE, FAILED = 1, 2, 3
KEPT = 5
LINK_LIFE = 7200.0
AT_ONCE = 20_000
"""Jobs of more records than these are worked off in the background."""
IN_MEMORY = 2**20
RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a job: where it lies in the job's store, and what the caller needs to check it.

    Attributes:
        sign: what a request for it must carry; whoever has the link has the file.
        start: where it begins.
        size: bytes.
        md5: of these bytes.
    """

    sign: str
    start: int
    size: int
    md5: str


def _store() -> IO[bytes]:
    # Closed by `forget`: it lives as long as its job.
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(IN_MEMORY))


@dataclass(slots=True)
class Job:
    """One export.

    Attributes:
        id: the jobid.
        owner: corpid and agentid of the app that asked; nobody else may have the result.
        kind: simple_user, user, department, taguser.
        files: what is ready, by the number in its link.
        store: holds the ciphertexts, one after another.
        ended: set when it is done, failed or no longer wanted.
        failed: whether it ended without a result.
        polls: how often the result was asked for.
        cleaned: whether newer jobs have pushed it out.
    """

    id: str
    owner: tuple[str, int]
    kind: str
    files: dict[str, File] = field(default_factory=dict)
    store: IO[bytes] = field(default_factory=_store, repr=False)
    ended: threading.Event = field(default_factory=threading.Event, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    failed: bool = False
    polls: int = 0
    cleaned: bool = False
    expires: float = 0.0

    def write(self, number: str, sign: str, data: bytes) -> None:
        """Add a file; nothing happens when nobody wants it any longer."""
        with self.lock:
            if not self.store.closed:
                start = self.store.seek(0, 2)
                self.store.write(data)
                self.files[number] = File(sign, start, len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())

    def read(self, file: File, first: int, last: int) -> bytes:
        """The bytes of a file from `first` to `last`, both included."""
        with self.lock:
            self.store.seek(file.start + first)
            return self.store.read(last - first + 1)

    def forget(self) -> None:
        """Delete the files."""
        self.ended.set()
        with self.lock:
            self.files.clear()
            self.store.close()


@dataclass(slots=True)
class ExportJobs:
    """All exports.

    Args:
        mint: makes ids.
        clock: seconds since the epoch.

    Attributes:
        polls: how many questions for a result are answered "running" before it is there.
        block_size: records of each file, whatever the caller asked for; by kind, or for all; None = as asked.
        on_done: called with each job that has ended.
    """

    mint: Mint
    clock: Callable[[], float]
    polls: int = 1
    block_size: int | Mapping[str, int] | None = None
    on_done: Done = lambda _job: None
    _jobs: dict[str, Job] = field(default_factory=dict)
    _files: int = 0

    def records_of_file(self, kind: str, asked: int) -> int:
        """How many records each file of a job has, whose caller asked for so many."""
        told = self.block_size.get(kind) if isinstance(self.block_size, Mapping) else self.block_size
        return told or asked

    def submit(self, app: CorpApp, kind: str, aes_key: str, blocks: Blocks, *, large: bool = False) -> str:
        """Start an export of these blocks (one file each), encrypted with the caller's key; returns the jobid.

        Args:
            app: who asks.
            kind: what is exported.
            aes_key: the caller's encoding_aeskey.
            blocks: rendered as they are asked for.
            large: work it off in the background.
        """
        job = Job("jobid_" + self.mint.text("jobid", 32), (app.corpid, app.agentid), kind)
        self._jobs[job.id] = job
        mine = [known for known in self._jobs.values() if known.owner == job.owner and not known.cleaned]
        for old in mine[:-KEPT]:
            old.cleaned = True
            old.forget()
        work = threading.Thread(
            target=self._work, args=(job, decode_key(aes_key), blocks), name="wecom-export", daemon=True
        )
        if large:
            work.start()
        else:
            work.run()
        return job.id

    def close(self) -> None:
        """Delete all files; jobs under way end."""
        for job in self._jobs.values():
            job.forget()

    def result(self, app: CorpApp, jobid: str, base_url: str) -> dict[str, Any]:
        """What export/get_result says.

        Raises:
            ApiError: 40088 unknown or somebody else's, 40089 cleaned.
        """
        job = self._jobs.get(jobid)
        if job is None or job.owner != (app.corpid, app.agentid):
            raise ApiError(40088)
        if job.cleaned:
            raise ApiError(40089)
        job.polls += 1
        if job.polls <= self.polls or not job.ended.is_set():
            return {"status": RUNNING}
        if job.failed:
            return {"status": FAILED}
        files = [
            {"url": f"{base_url}/export/{number}?sign={file.sign}", "size": file.size, "md5": file.md5}
            for number, file in job.files.items()
        ]
        return {"status": DONE, "data_list": files}

    def owner(self, number: str) -> str:
        """The corp whose file has this number; "" when there is none."""
        job, _ = self._find(number)
        return "" if job is None else job.owner[0]

    def download(self, number: str, sign: str, wanted: str | None) -> Answer:
        """A result file, or the part of it a Range header asks for.

        403 when the link was made up, 404 once it has ended.
        """
        job, file = self._find(number)
        if job is None or file is None or job.expires <= self.clock():
            return Answer(b"", None, 404, "text/plain")
        if sign != file.sign:
            return Answer(b"", None, 403, "text/plain")
        headers = {"Accept-Ranges": "bytes"}
        match = RANGE.fullmatch(wanted or "")
        if match is None:
            return Answer(job.read(file, 0, file.size - 1), None, 200, FILE_TYPE, headers)
        first = int(match[1])
        last = min(int(match[2] or file.size - 1), file.size - 1)
        if first > last:
            return Answer(b"", None, 416, "text/plain", {"Content-Range": f"bytes */{file.size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size}"
        return Answer(job.read(file, first, last), None, 206, FILE_TYPE, headers)

    def _work(self, job: Job, key: bytes, blocks: Blocks) -> None:
        try:
            for block in blocks:
                if job.ended.is_set():
                    return
                self._files += 1
                number = f"{self._files}-{self.mint.text('export file', 8)}"
                job.write(number, self.mint.text("export sign", 40), encrypt_cbc(key, encode(block)))
        except BaseException:
            job.failed = True
            raise
        finally:
            job.expires = self.clock() + LINK_LIFE
            job.ended.set()
        self.on_done(job)

    def _find(self, number: str) -> tuple[Job, File] | tuple[None, None]:
        # Not under the platform's lock: a large file would keep every other call waiting.
        for job in tuple(self._jobs.values()):
            file = job.files.get(number)
            if file is not None:
                return job, file
        return None, None


def is_key(text: str) -> bool:
    """Whether `text` is an encoding_aeskey: 43 characters of base64."""
    try:
        return len(base64.b64decode(text + "=", validate=True)) == 32 and text.isalnum()
    except ValueError:
        return False
