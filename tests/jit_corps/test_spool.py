"""Rows in bounded memory: all of them, in order, as often as asked, and nothing left behind."""

from __future__ import annotations

import contextlib
import gc
from operator import itemgetter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit_corps.errors import SpoolFull
from jit_corps.rows import DeptRow, MembershipRow
from jit_corps.spool import BLOCK, BUFFER, Merged, Spool, SpoolFile, in_any_order, row_packing, tuples

PLACES = row_packing(MembershipRow)


def open_in(folder: Path) -> int:
    """How many files of a folder this process has open, with or without a name."""
    count = 0
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(file.readlink()).startswith(str(folder))
    return count


def places(numbers) -> list[MembershipRow]:
    return [MembershipRow(str(number), f"成员{number}", number, number % 2 == 0) for number in numbers]


def much() -> list[MembershipRow]:
    """Rows of more bytes than are gathered before something is written."""
    return [MembershipRow(f"{number:0{BUFFER // BLOCK}}", "m", number, False) for number in range(2 * BLOCK)]


def test_every_row_comes_back_as_often_as_asked():
    """Rows come back as they were, type and all, in their order, also while others are added."""
    rows = places(range(3 * BLOCK + 5))
    spool = Spool(SpoolFile(), PLACES, rows)
    assert len(spool) == len(rows)
    assert list(spool) == rows
    assert type(next(iter(spool))) is MembershipRow
    reading = iter(spool)
    assert next(reading) == rows[0]
    spool.append(rows[0])
    assert list(spool) == [*rows, rows[0]]


def test_rows_with_lists_and_nothing_in_them():
    """Tuples, empty texts and fields without a value come back as they were."""
    rows = [DeptRow("1", None, None, None, 2**32, ("a", "b"), "upstream", "told", "listed", "")] * (BLOCK + 1)
    assert list(Spool(SpoolFile(), row_packing(DeptRow), rows)) == rows


def test_few_rows_are_in_memory():
    """However many rows there are, fewer than a block are held."""
    spool = Spool(SpoolFile(), PLACES)
    for row in places(range(2 * BLOCK + 1)):
        spool.append(row)
        assert spool.held < BLOCK


def test_spools_share_a_file():
    """Spools that are filled in turn do not mix their rows."""
    file = SpoolFile()
    even, odd = Spool(file, PLACES), Spool(file, PLACES)
    for row in places(range(4 * BLOCK)):
        (even if row.isLeader else odd).append(row)
    assert list(even) == places(range(0, 4 * BLOCK, 2))
    assert list(odd) == places(range(1, 4 * BLOCK, 2))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells which files a process has open")
def test_the_file_has_no_name_and_ends_with_its_spools(tmp_path):
    """Nobody finds the rows in the folder, and the file is closed when nobody needs it any more."""
    spool = Spool(SpoolFile(str(tmp_path)), PLACES, much())
    assert list(spool) == much()
    assert list(tmp_path.iterdir()) == []
    assert open_in(tmp_path) == 1
    del spool
    gc.collect()
    assert open_in(tmp_path) == 0


def test_a_few_rows_need_no_file(tmp_path):
    """What fits into the buffer is written nowhere, so a small organisation needs no room for files."""
    spool = Spool(SpoolFile(str(tmp_path / "missing")), PLACES, places(range(9 * BLOCK)))
    assert list(spool) == places(range(9 * BLOCK))


@given(st.lists(st.integers(0, 3 * BUFFER // 2), max_size=8))
def test_pieces_of_any_length_come_back(lengths):
    """Whether a piece lies in the file or in the buffer, it comes back; and the buffer stays below its size."""
    file = SpoolFile()
    pieces = [bytes([number]) * length for number, length in enumerate(lengths)]
    starts = [file.write(piece) for piece in pieces]
    assert file.buffered < BUFFER
    assert [file.read(start, len(piece)) for start, piece in zip(starts, pieces, strict=True)] == pieces


def test_what_could_not_be_written_is_not_lost(tmp_path):
    """Once there is room, what was told to be written comes back whole, and so does what follows."""
    file = SpoolFile(str(tmp_path / "later"))
    with pytest.raises(SpoolFull):
        file.write(b"a" * BUFFER)
    (tmp_path / "later").mkdir()
    start = file.write(b"b")
    assert file.read(start, 1) == b"b"
    assert file.read(0, BUFFER) == b"a" * BUFFER


def test_no_room_is_told_with_the_folder(tmp_path):
    """A folder that cannot be written to is named, with what to do."""
    missing = tmp_path / "missing"
    with pytest.raises(SpoolFull, match="No such file") as caught:
        Spool(SpoolFile(str(missing)), PLACES, much())
    assert caught.value.folder == str(missing)
    assert "TMPDIR" in str(caught.value.hint)


def test_sorted_runs_as_one():
    """Runs that are sorted come as one sorted run that knows its length, as often as asked."""
    file = SpoolFile()
    runs = [Spool(file, PLACES, places(range(start, 100, 3))) for start in range(3)]
    merged = Merged(runs, itemgetter(2))
    assert len(merged) == 100
    assert list(merged) == places(range(100))
    assert list(merged) == places(range(100))
    assert type(next(iter(merged))) is MembershipRow
    assert list(tuples(merged)) == places(range(100))
    assert len(tuples(merged)) == 100
    assert list(in_any_order(merged)) == [row for run in runs for row in run]
    assert {type(row) for row in (*tuples(merged), *in_any_order(merged))} == {tuple}
    rows = places(range(3))
    assert tuples(rows) is in_any_order(rows) is rows


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3 * BLOCK)), max_size=6), st.randoms(use_true_random=False))
def test_runs_of_any_length_as_one(shape, random):
    """However long the runs are and however they overlap, what comes is what sorting all of it gives."""
    file, numbers = SpoolFile(), list(range(4 * BLOCK))
    runs, told = [Spool(file, PLACES)], []
    for is_spread, count in shape:
        mine = random.sample(numbers, min(count, len(numbers))) if is_spread else numbers[:count]
        numbers = sorted(set(numbers) - set(mine))
        runs.append(Spool(file, PLACES, places(sorted(mine))))
        told += mine
    random.shuffle(runs)
    assert list(Merged(runs, itemgetter(2))) == places(sorted(told))
