"""Asynchronous exports: jobs, and the encrypted files they leave (documents 94849–94956).

The file is AES-256-CBC with the caller's key, IV its first half, PKCS7 to 32 bytes, and the plaintext is taken to be
the JSON itself: the documents mention neither a random prefix nor a length.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jit_qywx.emulator.answers import Answer, ApiError, encode
from jit_qywx.emulator.cipher import decode_key, encrypt_cbc

if TYPE_CHECKING:
    from collections.abc import Callable

    from jit_qywx.emulator.corps import CorpApp
    from jit_qywx.emulator.credentials import Mint

RUNNING, DONE = 1, 2
KEPT = 5
LINK_LIFE = 7200.0
RANGE = re.compile(r"bytes=([0-9]+)-([0-9]*)")


@dataclass(slots=True)
class Job:
    """One export.

    Attributes:
        id: the jobid.
        owner: corpid and agentid of the app that asked; nobody else may have the result.
        kind: simple_user, user, department, taguser.
        files: the ciphertexts by their name.
        expires: when the links end.
        polls: how often the result was asked for.
        cleaned: whether newer jobs have pushed it out.
    """

    id: str
    owner: tuple[str, int]
    kind: str
    files: dict[str, bytes]
    expires: float
    polls: int = 0
    cleaned: bool = False


@dataclass(slots=True)
class ExportJobs:
    """All exports.

    Args:
        mint: makes ids.
        clock: seconds since the epoch.

    Attributes:
        polls: how many questions for a result are answered "running" before it is there.
    """

    mint: Mint
    clock: Callable[[], float]
    polls: int = 1
    _jobs: dict[str, Job] = field(default_factory=dict)

    def submit(self, app: CorpApp, kind: str, aes_key: str, blocks: list[dict[str, Any]]) -> str:
        """Start an export of these blocks (one file each), encrypted with the caller's key; returns the jobid."""
        key = decode_key(aes_key)
        job = Job(
            id="jobid_" + self.mint.text("jobid", 32),
            owner=(app.corpid, app.agentid),
            kind=kind,
            files={self.mint.text("export file", 40): encrypt_cbc(key, encode(block)) for block in blocks},
            expires=self.clock() + LINK_LIFE,
        )
        self._jobs[job.id] = job
        mine = [known for known in self._jobs.values() if known.owner == job.owner and not known.cleaned]
        for old in mine[:-KEPT]:
            old.cleaned = True
            old.files.clear()
        return job.id

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
        if job.polls <= self.polls:
            return {"status": RUNNING}
        files = [
            {
                "url": f"{base_url}/export/{name}",
                "size": len(data),
                "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            }
            for name, data in job.files.items()
        ]
        return {"status": DONE, "data_list": files}

    def download(self, name: str, wanted: str | None) -> Answer:
        """A result file, or the part of it a Range header asks for; 404 once the link has ended."""
        job = next((job for job in self._jobs.values() if name in job.files), None)
        if job is None or job.expires <= self.clock():
            return Answer(b"", None, 404, "text/plain")
        data = job.files[name]
        headers = {"Accept-Ranges": "bytes"}
        match = RANGE.fullmatch(wanted or "")
        if match is None:
            return Answer(data, None, 200, "application/octet-stream", headers)
        first = int(match[1])
        last = min(int(match[2] or len(data) - 1), len(data) - 1)
        if first > last:
            return Answer(b"", None, 416, "text/plain", {"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return Answer(data[first : last + 1], None, 206, "application/octet-stream", headers)


def is_key(text: str) -> bool:
    """Whether `text` is an encoding_aeskey: 43 characters of base64."""
    try:
        return len(base64.b64decode(text + "=", validate=True)) == 32 and text.isalnum()
    except ValueError:
        return False
