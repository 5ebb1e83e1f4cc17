from __future__ import annotations

import contextlib
import threading

import pytest

from jitcore.errors import ArgumentError
from jitcore.storage import ConstraintViolated, DatabaseReadOnly, TransactionAborted
from tests.storage.shelf.models import Badge

pytestmark = pytest.mark.every_database


def codes(storage) -> list[str]:
    return sorted(badge.code for badge in storage.models.Badge.select())


def in_thread(work) -> None:
    """Run ``work`` in another thread and raise here what it raised there."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def test_a_transaction_is_kept_as_a_whole(storage):
    """What the block wrote is there afterwards."""
    with storage.transaction():
        storage.models.Badge.create(code="a", level=1)
        storage.models.Badge.create(code="b", level=1)
    assert codes(storage) == ["a", "b"]


def test_a_failing_transaction_leaves_nothing(storage):
    """Whatever the block raised comes out unchanged and nothing it wrote stays."""

    def fail() -> None:
        with storage.transaction():
            storage.models.Badge.create(code="a", level=1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert codes(storage) == []


def test_a_nested_transaction_joins(storage):
    """The inner block is no transaction of its own: it goes down with the outer one."""
    assert codes(storage) == []

    def fail() -> None:
        with storage.transaction():
            with storage.transaction():
                storage.models.Badge.create(code="a", level=1)
            raise KeyError

    with storage.counting() as count, pytest.raises(KeyError):
        fail()
    assert [statement.verb for statement in count.statements] == ["BEGIN", "INSERT", "ROLLBACK"]
    assert codes(storage) == []


def test_a_transaction_joins_one_that_peewee_began(storage):
    """Code that uses Peewee's own atomic() around ours keeps or undoes everything together."""
    storage.insert_rows(Badge, ["code", "level"], [("a", 1)])

    def fail() -> None:
        with storage.database.atomic():
            with storage.transaction():
                storage.models.Badge.create(code="b", level=1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert codes(storage) == ["a"]


def test_a_failure_inside_cannot_be_swallowed(storage):
    """When a joined block fails and somebody catches it, nothing is committed and the caller is told."""

    def inner() -> None:
        with storage.transaction():
            storage.models.Badge.create(code="b", level=1)
            raise KeyError

    def outer() -> None:
        with storage.transaction():
            storage.models.Badge.create(code="a", level=1)
            with contextlib.suppress(KeyError):
                inner()

    with pytest.raises(TransactionAborted, match="all of it was undone"):
        outer()
    assert codes(storage) == []
    with storage.transaction():
        storage.models.Badge.create(code="c", level=1)
    assert codes(storage) == ["c"]


def test_a_failed_statement_cannot_be_swallowed_on_postgresql(storage, kind):
    """PostgreSQL would answer COMMIT with a silent ROLLBACK; the others keep what did not fail."""

    def write() -> None:
        with storage.transaction():
            storage.models.Badge.create(code="a", level=1)
            with pytest.raises(ConstraintViolated), storage.boundary():
                storage.models.Badge.create(code="a", level=1)

    if kind != "postgresql":
        write()
        assert codes(storage) == ["a"]
    else:
        with pytest.raises(TransactionAborted):
            write()
        assert codes(storage) == []


def test_reading_sees_one_moment(storage):
    """What others commit meanwhile is not seen inside the block, and is seen after it."""
    storage.models.Badge.create(code="a", level=1)
    with storage.reading():
        assert codes(storage) == ["a"]
        in_thread(lambda: storage.models.Badge.create(code="b", level=1))
        assert codes(storage) == ["a"]
    assert codes(storage) == ["a", "b"]


def test_reading_does_not_wait_for_a_writer(storage):
    """A reader sees the old rows while a transaction is open, and does not wait for it."""
    with storage.transaction():
        storage.models.Badge.create(code="a", level=1)

        def read() -> None:
            with storage.reading():
                assert codes(storage) == []

        in_thread(read)


def test_reading_inside_a_transaction_sees_its_writes(storage):
    """A reading block joins the transaction around it."""
    with storage.transaction():
        storage.models.Badge.create(code="a", level=1)
        with storage.reading(), storage.reading():
            assert codes(storage) == ["a"]


def test_a_lookup_that_misses_inside_reading_harms_no_transaction(storage):
    """Raising out of a joined reading block wrote nothing, so the transaction goes on."""
    with storage.transaction():
        storage.models.Badge.create(code="a", level=1)
        with pytest.raises(LookupError), storage.reading():
            raise LookupError
    assert codes(storage) == ["a"]


def test_reading_refuses_writes(storage):
    """Every kind refuses a write inside reading(), so that what works on one works on the others."""
    with pytest.raises(DatabaseReadOnly), storage.reading():
        storage.models.Badge.create(code="a", level=1)
    with pytest.raises(ArgumentError, match=r"inside storage\.reading"), storage.reading(), storage.transaction():
        pass
    storage.models.Badge.create(code="b", level=1)
    assert codes(storage) == ["b"]


def test_writers_take_turns(storage):
    """Transactions of many threads that read and then write lose no update."""
    storage.models.Badge.create(code="a", level=0)

    def add() -> None:
        for _ in range(5):
            with storage.transaction():
                Bound = storage.models.Badge
                Bound.update(level=Bound.level + 1).execute()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.models.Badge.get().level == 20
