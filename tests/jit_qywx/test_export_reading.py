"""An export: its job, its files and their records, or an error that names the export and the block."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from jit_qywx import errors, export_reading
from jit_qywx.emulator.cipher import decode_key
from jit_qywx.export_reading import DEPARTMENT, SIMPLE_USER, USER, Exporting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jit_qywx.client import QywxProxyClient
    from jit_qywx.emulator import Emulator
    from tests.jit_qywx.conftest import FakeTime

CORP = "wwcorpa0000000"


@pytest.fixture
def exporting(client: QywxProxyClient, wecom_emulator: Emulator) -> Iterator[Callable[..., Exporting]]:
    """Make exports of an enterprise whose members fill four files."""
    org = wecom_emulator.org(CORP)
    for number in range(6):
        org.add_member(f"member{number}", f"成员{number}", departments=(2,))
    wecom_emulator.set_exports(block_size=2)
    with ThreadPoolExecutor(2) as pool:
        yield lambda progress=lambda *_: None: Exporting(client, pool, progress)


def userids(export: Exporting) -> list[str]:
    return [record["userid"] for block in export.blocks(USER) for record in block.records]


def outcome(export: Exporting) -> list[str]:
    export.submit()
    return userids(export)


def test_members_come_block_by_block(exporting: Callable[..., Exporting], wecom_emulator: Emulator) -> None:
    """Every member comes once, in files that are read one after another, each of a proven size."""
    export = exporting()
    export.submit()
    blocks = [(block.call, block.size, len(list(block.records))) for block in export.blocks(USER)]
    assert [call for call, _, _ in blocks] == [f"export/user block {number} of 4" for number in range(1, 5)]
    assert [count for _, _, count in blocks] == [2] * 4
    assert [size for _, size, _ in blocks] == [call.size for call in wecom_emulator.calls.of("export/file")]


def test_departments_come_too(exporting: Callable[..., Exporting]) -> None:
    """Departments are those of department/list."""
    export = exporting()
    export.submit()
    told = [record["name"] for block in export.blocks(DEPARTMENT) for record in block.records]
    assert told == ["示例企业", "研发部", "前端组"]


def test_the_number_of_calls_does_not_grow_with_the_enterprise(
    exporting: Callable[..., Exporting], wecom_emulator: Emulator
) -> None:
    """Three submits, questions until each is done, and one request for each file."""
    export = exporting()
    export.submit()
    assert len([*export.blocks(DEPARTMENT)]) == 2
    assert len(userids(export)) == 8
    assert len([*export.blocks(SIMPLE_USER)]) == 4
    assert dict(wecom_emulator.calls.by_path) == {
        "gettoken": 1,
        "export/department": 1,
        "export/simple_user": 1,
        "export/user": 1,
        "export/get_result": 6,
        "export/file": 10,
    }


def test_each_job_has_a_key_of_its_own(
    exporting: Callable[..., Exporting], client: QywxProxyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gets hold of one job's key reads nothing of another's."""
    keys = []
    real = client.export._submit
    monkeypatch.setattr(client.export, "_submit", lambda path, key, *rest: keys.append(key) or real(path, key, *rest))
    exporting().submit()
    exporting().submit()
    assert len(set(keys)) == 6
    assert {len(decode_key(key)) for key in keys} == {32}


def test_waiting_grows_longer(
    exporting: Callable[..., Exporting], wecom_emulator: Emulator, fake_time: FakeTime
) -> None:
    """A job that takes long is asked about less and less often, and at least every five seconds."""
    wecom_emulator.set_exports(polls=6)
    steps: list[Any] = []
    export = exporting(lambda *step: steps.append(step))
    export.submit()
    next(iter(export.blocks(USER)))
    assert fake_time.waits == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    # A run that says nothing for minutes loses its claim.
    assert steps.count(("export", 0, None)) == 7


def test_patience_ends(exporting: Callable[..., Exporting], wecom_emulator: Emulator, fake_time: FakeTime) -> None:
    """A job that is never done is given up after ten minutes."""
    wecom_emulator.set_exports(polls=10_000)
    with pytest.raises(errors.ExportFailed, match=r"export/user .* not done after 60[0-9] seconds"):
        outcome(exporting())
    assert 600 <= fake_time.passed < 610


def test_a_run_may_be_ended_while_it_waits(exporting: Callable[..., Exporting]) -> None:
    """Whoever reports progress may raise, and nothing more is asked."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    export = exporting(stop)
    export.submit()
    with pytest.raises(KeyboardInterrupt):
        userids(export)


def test_a_run_may_be_ended_while_a_file_comes(
    exporting: Callable[..., Exporting], wecom_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress is told while a file is on its way, which may take long; what was on its way is given up."""
    monkeypatch.setattr(export_reading, "_QUIET", 0.01)
    hanging = wecom_emulator.faults.add("export/file", at_call=2, hang=True)

    def stop(_phase: str, done: int, total: int | None) -> None:
        if hanging.hits and (done, total) == (1, 4):
            raise KeyboardInterrupt

    export = exporting(stop)
    export.submit()
    with pytest.raises(KeyboardInterrupt):
        userids(export)
    hanging.release()


def test_long_files_are_told_of_while_they_are_read(
    exporting: Callable[..., Exporting], wecom_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WeCom may put a million members into one file."""
    monkeypatch.setattr(export_reading, "_TOLD_EVERY", 3)
    wecom_emulator.set_exports(polls=0)
    steps: list[Any] = []
    outcome(exporting(lambda *step: steps.append(step)))
    assert [step for step in steps if step[2] is not None][-3:] == [("export", 0, 1)] * 2 + [("export", 1, 1)]


def test_a_full_disk_is_trouble_of_the_export(
    exporting: Callable[..., Exporting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files wait in the temporary folder; without room for them there is still the walk."""

    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jit_qywx.client.downloads.tempfile.TemporaryFile", full)
    with pytest.raises(errors.ExportFailed, match=r"export/user block 1 of 4 cannot be kept.* No space left on device"):
        outcome(exporting())


def _told(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Changes the first file that a result names."""

    def rewrite(answer: dict[str, Any]) -> dict[str, Any]:
        files = answer.get("data_list") or [{}]
        return {**answer, "data_list": [{**files[0], **changes}, *files[1:]]}

    return rewrite


@pytest.mark.parametrize(
    ("path", "fault", "why"),
    [
        ("export/get_result", {"garbage": "failed-job"}, "export/user .* failed, says WeCom"),
        ("export/get_result", {"garbage": "repeated-file"}, "export/user .* names a file twice"),
        ("export/get_result", {"garbage": "wrong-size"}, r"export/user block 1 of 4 has [0-9]+ bytes"),
        ("export/get_result", {"garbage": "wrong-md5"}, "export/user block 1 of 4 does not have the MD5"),
        ("export/get_result", {"garbage": "wrong-link"}, "export/user block 1 of 4 .*403"),
        ("export/get_result", {"rewrite": lambda _: {"errcode": 0, "status": 2}}, "names no file"),
        ("export/get_result", {"rewrite": lambda _: {"errcode": 0, "status": 2, "data_list": []}}, "names no file"),
        ("export/get_result", {"rewrite": lambda _: {"errcode": 0, "status": 2, "data_list": [1]}}, "usable url"),
        ("export/get_result", {"rewrite": lambda _: {"errcode": 0, "status": 9}}, "not documented: 9"),
        ("export/get_result", {"rewrite": lambda _: {"errcode": 0, "status": True}}, "no usable 'status'"),
        ("export/get_result", {"rewrite": _told(url=1)}, "usable url"),
        ("export/get_result", {"rewrite": _told(url="file:///etc/passwd")}, "block 1 of 4 is at a link"),
        ("export/get_result", {"rewrite": _told(size="9")}, "usable url, size or md5"),
        ("export/get_result", {"rewrite": _told(md5="x" * 32)}, "usable url, size or md5"),
        ("export/get_result", {"errcode": 40089}, "40089"),
        ("export/get_result", {"errcode": 40088}, "40088"),
        ("export/user", {"errcode": 48002}, "export/user .*48002"),
        ("export/user", {"rewrite": lambda _: {"errcode": 0}}, "no usable 'jobid'"),
        ("export/file", {"status": 404}, "export/user block [12] of 4 .*404"),
        ("export/file", {"garbage": "truncated"}, "export/user block [12] of 4 has"),
    ],
)
def test_whatever_goes_wrong_is_an_error(
    exporting: Callable[..., Exporting], wecom_emulator: Emulator, path: str, fault: dict[str, Any], why: str
) -> None:
    """A lie, a failure or a refusal at any step is an error that names the step; never a shorter list."""
    wecom_emulator.faults.add(path, **fault)
    with pytest.raises(errors.QywxError, match=why) as caught:
        outcome(exporting())
    assert caught.value.call.startswith("export/")


@pytest.mark.parametrize("at_call", range(1, 5))
def test_a_block_that_does_not_come_fails_the_export(
    exporting: Callable[..., Exporting], wecom_emulator: Emulator, at_call: int
) -> None:
    """Whichever block it is; files that were fetched ahead are closed."""
    wecom_emulator.faults.add("export/file", at_call=at_call, status=404)
    with pytest.raises(errors.BadAnswer, match=f"block {at_call} of 4"):
        outcome(exporting())


def test_a_file_of_another_job_is_refused(
    exporting: Callable[..., Exporting], client: QywxProxyClient, wecom_emulator: Emulator
) -> None:
    """A true file with a true size and MD5, made for another job, does not open with this one's key."""
    wecom_emulator.set_exports(polls=0, block_size=2)
    other = client.export.get_result(client.export.simple_user(export_reading.make_key()))["data_list"]
    wecom_emulator.faults.add(
        "export/get_result", rewrite=lambda answer: {**answer, "data_list": [*answer["data_list"][:-1], other[-1]]}
    )
    with pytest.raises(errors.ExportFailed, match=r"block 4 of 4 .* is not (encrypted with the key|JSON)"):
        outcome(exporting())


def test_keys_links_and_people_are_told_nobody(
    exporting: Callable[..., Exporting],
    client: QywxProxyClient,
    wecom_emulator: Emulator,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither logs nor errors nor reprs hold a key, the signature of a link, or anybody's name."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    secrets = ["成员", "张三"]
    real = client.export._submit

    def submit(path: str, key: str, *rest: Any) -> str:
        secrets.append(key)
        if echo and path == "export/user":
            wecom_emulator.faults.add(path, errcode=40035, extra={"errmsg": f"bad {key}"})
        return real(path, key, *rest)

    monkeypatch.setattr(client.export, "_submit", submit)
    lies = ({"garbage": "wrong-md5"}, {"garbage": "failed-job"}, {"garbage": "wrong-link"}, {"status": 502})
    for fault in (*lies, {"errcode": 40089}):
        # WeCom might echo what it was sent.
        echo = "errcode" in fault
        wecom_emulator.faults.clear()
        wecom_emulator.faults.add("export/get_result", **fault)
        export = exporting()
        try:
            outcome(export)
        except errors.QywxError as error:
            told += [repr(error), error.message, str(error.hint), repr(vars(error)), repr(error.__context__)]
        told += [repr(export._jobs), repr(list(export._jobs.values()))]
    jobs = wecom_emulator.platform.exports._jobs.values()
    secrets += [file.sign for job in jobs for file in job.files.values()]
    assert len(secrets) > 20
    assert len(told) > 25
    said = "\n".join([caplog.text, *told])
    assert not [secret for secret in secrets if secret in said]
