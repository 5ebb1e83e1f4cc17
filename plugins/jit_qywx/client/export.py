"""``client.export``: the whole directory as encrypted files, made by WeCom in the background (document 94849)."""

from __future__ import annotations

from jit_qywx.client.endpoints import Endpoints, Record

__all__ = ["Export"]


class Export(Endpoints):
    """Submits export jobs and asks how they are going.

    ``encoding_aeskey`` is a key of 43 letters and digits that the caller makes for the job; the files come encrypted
    with it. ``block_size`` is the most records per file, 10,000 to 1,000,000 (WeCom's default).
    """

    def simple_user(self, encoding_aeskey: str, block_size: int | None = None) -> str:
        """Export members in short (document 94849) and return the job's id."""
        return self._submit("export/simple_user", encoding_aeskey, block_size)

    def user(self, encoding_aeskey: str, block_size: int | None = None) -> str:
        """Export members in full (document 94849) and return the job's id."""
        return self._submit("export/user", encoding_aeskey, block_size)

    def department(self, encoding_aeskey: str, block_size: int | None = None) -> str:
        """Export departments (document 94852) and return the job's id."""
        return self._submit("export/department", encoding_aeskey, block_size)

    def taguser(self, tagid: int, encoding_aeskey: str, block_size: int | None = None) -> str:
        """Export who has a tag (document 94952) and return the job's id."""
        return self._submit("export/taguser", encoding_aeskey, block_size, tagid)

    def get_result(self, jobid: str) -> Record:
        """How a job is going (document 94954).

        :returns: ``{"status": 0 queued | 1 running | 2 done | 3 failed, "data_list"?: [{"url", "size", "md5"}]}``; a
            url works for two hours, size and md5 are those of the encrypted file.
        """
        answer = self._get("export/get_result", {"jobid": jobid}, told=["jobid"])
        self._field("export/get_result", answer, "status", int)
        return answer

    def _submit(self, path: str, encoding_aeskey: str, block_size: int | None, tagid: int | None = None) -> str:
        body = {"encoding_aeskey": encoding_aeskey, "block_size": block_size, "tagid": tagid}
        # Submitted twice, a job only costs WeCom work; what it reads is not changed.
        answer = self._post(path, body, secrets=[encoding_aeskey])
        return self._field(path, answer, "jobid", str)
