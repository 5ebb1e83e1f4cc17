from __future__ import annotations

import contextlib
import datetime as dt
import json

import peewee
import pytest

from jitcore.errors import ArgumentError
from jitcore.storage import ConstraintViolated, ModelSet, StatementFailed, TransactionAborted
from tests.storage.shelf.models import Badge, Person

pytestmark = pytest.mark.every_database


KEY = ["corp", "person"]
BORN = dt.datetime.fromisoformat("2000-02-29T12:30:00.123456")


def people(storage) -> list[tuple]:
    Person = storage.models.Person
    rows = Person.select(Person.corp, Person.person, Person.name, Person.active)
    return storage.select_tuples(rows.order_by(Person.corp, Person.person))


@pytest.fixture
def two(storage):
    """A Storage with two people in it."""
    storage.insert_rows(Person, [*KEY, "name", "active"], [("c", "1", "Ann", True), ("c", "2", "Bo", False)])
    return storage


def test_insert_writes_all_rows_with_one_statement(storage):
    """Ready tuples arrive as they are; their number is returned."""
    rows = [("c", str(number), None, bool(number % 2), BORN, number) for number in range(1000)]
    storage.database  # noqa: B018 - migrates, so that only the insert is counted
    with storage.counting() as count:
        assert storage.insert_rows(Person, [*KEY, "name", "active", "born", "score"], rows) == 1000
    assert count.writes == 1
    row = storage.models.Person.get(person="7")
    assert (row.corp, row.name, row.active, row.born, row.score) == ("c", None, True, BORN, 7)


def test_a_database_that_looks_by_itself_later_is_made_to_look_now(storage, kind):
    """PostgreSQL knows how many rows there are as soon as it was made to look; the others need no statement."""
    storage.insert_rows(Badge, ["code", "level"], ((str(number), 1) for number in range(3_000)))
    with storage.counting() as count:
        storage.analyze(Badge)
    assert [statement.verb for statement in count.statements] == (
        ["BEGIN", "ANALYZE", "COMMIT"] if kind == "postgresql" else []
    )
    if kind == "postgresql":
        table = storage.models.Badge._meta.table_name
        query = "SELECT reltuples FROM pg_class WHERE relname = %s"
        assert storage.database.execute_sql(query, (table,)).fetchone() == (3_000,)


def test_any_number_of_new_rows_is_few_statements(storage, kind):
    """Inserting streams all rows into one statement on PostgreSQL; MariaDB takes 5,000 a statement.

    SQLite repeats one for fifty rows, and one for each of the rest.
    """
    storage.database  # noqa: B018 - migrates
    with storage.counting() as count:
        assert storage.insert_rows(Badge, ["code", "level"], ((str(number), 1) for number in range(12_001))) == 12_001
    verbs = {"sqlite": ["INSERT"] * 2, "postgresql": ["COPY"], "mariadb": ["INSERT"] * 3}
    assert [statement.verb for statement in count.statements] == ["BEGIN", *verbs[kind], "COMMIT"]


def test_the_number_of_statements_grows_with_chunks_and_not_with_rows(storage, kind):
    """SQLite takes any number of rows as two statements, the others 5,000 a statement."""
    storage.upsert_rows(Badge, ["code", "level"], [("first", 1)], ["code"])
    rows = ((f"code{number}", number) for number in range(12_001))
    with storage.counting() as count:
        assert storage.upsert_rows(Badge, ["code", "level"], rows, ["code"]) == 12_001
    assert [statement.verb for statement in count.statements] == [
        "BEGIN",
        *["INSERT"] * (2 if kind == "sqlite" else 3),
        "COMMIT",
    ]


def indexes(storage) -> dict[str, str | None]:
    """The indexes of the badges, with what makes them."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'shelf_badge'"
    return dict(storage.database.execute_sql(query).fetchall())


@pytest.fixture
def indexed(storage, monkeypatch):
    """A Storage on SQLite that takes twenty rows for many, with ten badges and two indexes more on their table."""
    monkeypatch.setattr("jitcore.storage.bulk_writes._MANY", 20)
    storage.insert_rows(Badge, ["code", "level"], [(f"old{number}", 1) for number in range(10)])
    storage.database.execute_sql("CREATE INDEX by_level ON shelf_badge (level, code) WHERE level > 0")
    storage.database.execute_sql('CREATE INDEX "by extra" ON shelf_badge (extra)')
    return storage


@pytest.mark.only_databases("sqlite")
def test_many_rows_are_indexed_when_they_are_there(indexed):
    """An insert of more rows than there are makes the indexes that keep no rule anew at its end, as they were."""
    before = indexes(indexed)
    with indexed.counting() as count:
        indexed.insert_rows(Badge, ["code", "level"], [(str(number), 1) for number in range(20)])
    verbs = [statement.verb for statement in count.statements]
    changing = ["SAVEPOINT", "SELECT", "DROP", "DROP", "INSERT", "CREATE", "CREATE", "RELEASE"]
    assert verbs == ["BEGIN", "SELECT", *changing, "COMMIT"]
    assert indexes(indexed) == before
    assert indexed.database.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
    # As many as there are now are not more than there were.
    with indexed.counting() as count:
        indexed.insert_rows(Badge, ["code", "level"], [(f"more{number}", 1) for number in range(29)])
    assert "DROP" not in [statement.verb for statement in count.statements]


@pytest.mark.only_databases("sqlite")
@pytest.mark.parametrize("code", ["19", "old3"])
def test_a_row_that_breaks_a_rule_takes_the_indexes_back(indexed, code):
    """The rules hold while many rows are written, and a failure leaves rows and indexes as they were."""
    before = indexes(indexed)
    rows = [*((str(number), 1) for number in range(20)), (code, 1)]
    with pytest.raises(ConstraintViolated) as caught:
        indexed.insert_rows(Badge, ["code", "level"], rows)
    assert caught.value.columns == ("code",)
    assert indexes(indexed) == before
    assert indexed.models.Badge.select().count() == 10


@pytest.mark.only_databases("sqlite")
def test_who_goes_on_after_a_failure_has_the_indexes(indexed):
    """Somebody's own transaction that goes on after a failed insert keeps neither its rows nor the lack of indexes."""
    before = indexes(indexed)
    rows = [*((str(number), 1) for number in range(20)), ("19", 1)]
    with indexed.database.atomic():
        indexed.models.Badge.create(code="kept", level=1)
        with pytest.raises(ConstraintViolated):
            indexed.insert_rows(Badge, ["code", "level"], rows)
    assert indexes(indexed) == before
    assert indexed.models.Badge.select().count() == 11


@pytest.mark.only_databases("sqlite")
def test_others_read_by_the_old_indexes_meanwhile(indexed, open_storage):
    """Whoever reads while many rows are written finds what was there before, and what came afterwards."""
    other = open_storage()
    badge = other.models.Badge
    seen = []

    def look(phase, statement):
        seen.append(badge.select().where(badge.level == 1, badge.code != "").count())

    with indexed.on_statement(look):
        indexed.insert_rows(Badge, ["code", "level"], [(str(number), 1) for number in range(20)])
    assert set(seen[:-1]) == {10}
    assert badge.select().where(badge.level == 1, badge.code != "").count() == 30


@pytest.mark.only_databases("sqlite")
def test_who_reads_row_by_row_keeps_the_indexes(indexed):
    """An insert of many rows goes well while the same connection reads the table."""
    before = indexes(indexed)
    badge = indexed.models.Badge
    read = indexed.database.execute_sql("SELECT code FROM shelf_badge")
    assert read.fetchone() is not None
    assert indexed.insert_rows(Badge, ["code", "level"], [(str(number), 1) for number in range(20)]) == 20
    assert len(read.fetchall()) >= 9
    assert indexes(indexed) == before
    assert badge.select().count() == 30


@pytest.mark.parametrize("count", [1, 49, 50, 51, 100, 149])
def test_every_row_arrives_once(storage, count):
    """Wherever the statements of several rows end; and what is written again is there once."""
    rows = [(f"code{number:03}", number) for number in range(count)]
    assert storage.insert_rows(Badge, ["code", "level"], iter(rows)) == count
    again = [(code, level + 1) for code, level in rows]
    assert storage.upsert_rows(Badge, ["code", "level"], [*again, *again], ["code"]) >= count
    Badge_ = storage.models.Badge
    assert storage.select_tuples(Badge_.select(Badge_.code, Badge_.level).order_by(Badge_.code)) == again


@pytest.mark.parametrize("count", [1, 60])
def test_what_all_rows_share_is_given_once(storage, count):
    """The rows hold the values of the other columns only."""
    rows = [(str(number), bool(number % 2)) for number in range(count)]
    assert storage.insert_rows(Person, [*KEY, "active"], rows, ("c",)) == count
    assert people(storage) == sorted(("c", person, None, active) for person, active in rows)


def test_no_rows_are_no_statement(two):
    """An unchanged organisation writes nothing, not even an empty transaction."""
    with two.counting() as count:
        assert two.insert_rows(Person, KEY, []) == 0
        assert two.upsert_rows(Person, [*KEY, "name"], iter(()), KEY) == 0
        assert two.update_rows(Person, KEY, ["name"], []) == 0
        assert two.delete_rows(Person, KEY, []) == 0
    assert count.total == 0


def test_upsert_inserts_and_updates(two):
    """A row with a known key takes the new values, another one is added."""
    rows = [("c", "2", "Bob", True), ("d", "2", "Cy", True)]
    assert two.upsert_rows(Person, [*KEY, "name", "active"], rows, KEY) == 2
    assert people(two) == [("c", "1", "Ann", True), ("c", "2", "Bob", True), ("d", "2", "Cy", True)]


def test_upsert_updates_only_what_it_was_told(two):
    """Columns outside ``update`` keep their old values in an existing row."""
    two.upsert_rows(Person, [*KEY, "name", "active"], [("c", "1", "Zoe", False)], KEY, ["active"])
    assert people(two)[0] == ("c", "1", "Ann", False)


def names_of_two(bound, *, ordered):
    """The two people's names, and their lengths; ``ordered``: with a condition, and in the order of the names."""
    person = bound.Person
    query = person.select(person.name, peewee.fn.LENGTH(person.name))
    return query.where(person.corp == "c").order_by(person.name) if ordered else query


@pytest.mark.parametrize("ordered", [True, False])
def test_rows_that_a_query_finds_are_upserted_in_one_statement(two, ordered):
    """What is there takes over the new values, the rest is added, and no row comes out of the database."""
    two.insert_rows(Badge, ["code", "level", "extra"], [("Ann", 7, '["kept"]')])
    with two.counting() as count:
        two.upsert_selected(Badge, ["code", "level"], names_of_two(two.models, ordered=ordered), ["code"])
    assert [statement.verb for statement in count.statements] == ["BEGIN", "INSERT", "COMMIT"]
    badge = two.models.Badge
    found = two.select_tuples(badge.select(badge.code, badge.level, badge.extra).order_by(badge.code))
    assert found == [("Ann", 3, ["kept"]), ("Bo", 2, None)]


def test_rows_that_a_query_finds_can_leave_others_alone(two):
    """``update=()`` adds what is missing."""
    two.insert_rows(Badge, ["code", "level"], [("Ann", 7)])
    two.upsert_selected(Badge, ["code", "level"], names_of_two(two.models, ordered=True), ["code"], ())
    badge = two.models.Badge
    assert sorted(two.select_tuples(badge.select(badge.code, badge.level))) == [("Ann", 7), ("Bo", 2)]


@pytest.mark.parametrize("columns", [KEY, [*KEY, "active"]])
def test_upsert_can_leave_existing_rows_alone(storage, columns):
    """``update=()``, or rows that are nothing but a key, add what is missing and touch nothing else."""
    storage.insert_rows(Badge, ["code", "level"], [("a", 1)])
    assert storage.upsert_rows(Badge, ["code", "level"], [("a", 5), ("b", 2), ("b", 3)], ["code"], ()) == 1
    assert sorted((badge.code, badge.level) for badge in storage.models.Badge.select()) == [("a", 1), ("b", 2)]


def test_of_equal_keys_the_last_wins(two):
    """Rows that meet in one call follow their order on every kind of database."""
    two.upsert_rows(Person, [*KEY, "name", "active"], [("x", "1", "a", True), ("x", "1", "b", False)], KEY)
    two.update_rows(Person, KEY, ["name"], [("c", "1", "p"), ("c", "1", "q")])
    assert people(two) == [("c", "1", "q", True), ("c", "2", "Bo", False), ("x", "1", "b", False)]


def test_upsert_takes_any_unique_key(storage):
    """The key may be a unique index other than the primary key."""
    storage.upsert_rows(Badge, ["code", "level"], [("a", 1)], ["code"])
    storage.upsert_rows(Badge, ["code", "level"], [("a", 2)], ["code"])
    assert [badge.level for badge in storage.models.Badge.select()] == [2]


def test_update_changes_the_named_rows(two):
    """Keys come first in a row, then the new values; a key that is not there counts nothing."""
    rows = [("c", "1", "Anna", False), ("c", "2", None, True), ("c", "3", "nobody", True)]
    with two.counting() as count:
        assert two.update_rows(Person, KEY, ["name", "active"], rows) == 2
    assert count.writes == 1
    assert people(two) == [("c", "1", "Anna", False), ("c", "2", None, True)]


def test_delete_removes_the_named_rows(two):
    """Only the rows with these keys go; a key that is not there is no error."""
    with two.counting() as count:
        assert two.delete_rows(Person, KEY, [("c", "2"), ("d", "1")]) == 1
    assert count.writes == 1
    assert people(two) == [("c", "1", "Ann", True)]


def test_every_type_of_value_survives(storage):
    """Text of any script, times, truth values, numbers and JSON text come back as they were written."""
    awkward = 'O\'Neil "企业微信" 🙂 {a,b} \\ %s NULL\n\t'
    storage.insert_rows(Person, [*KEY, "name", "active", "born", "score"], [
        (awkward, "", awkward, False, BORN, -(2**31)), ("c", "NULL", "", True, None, None),
    ])  # fmt: skip
    storage.insert_rows(
        Badge, ["code", "level", "extra"], [("a", 0, json.dumps({"k": [1, None, "ü"]})), ("b", 0, None)]
    )
    rows = storage.select_tuples(storage.models.Person.select().order_by(storage.models.Person.active))
    assert rows == [(awkward, "", awkward, False, BORN, -(2**31)), ("c", "NULL", "", True, None, None)]
    assert [type(value) for value in rows[0]] == [str, str, str, bool, dt.datetime, int]
    badges = Badge.select(Badge.code, Badge.extra).order_by(Badge.code)
    assert storage.select_tuples(badges) == [("a", {"k": [1, None, "ü"]}), ("b", None)]


def test_columns_are_named_by_field_or_by_column(two):
    """``person`` and its column ``person_id`` mean the same."""
    assert two.delete_rows(Person, ["corp", "person_id"], [("c", "1")]) == 1


def test_a_row_that_breaks_a_rule_undoes_the_whole_call(two):
    """Nothing of a refused call stays, whatever the row's place, and nobody can keep the part that was written."""
    rows = [("c", str(number), True) for number in range(1_009, 0, -1)]
    with pytest.raises(ConstraintViolated):
        two.insert_rows(Person, [*KEY, "active"], rows)
    assert len(people(two)) == 2
    with pytest.raises(TransactionAborted), two.transaction(), contextlib.suppress(ConstraintViolated):
        two.insert_rows(Person, [*KEY, "active"], rows)
    assert len(people(two)) == 2


def test_a_failing_source_undoes_the_whole_call(storage):
    """When the iterable raises in the middle, nothing stays and its error comes out."""

    def rows():
        for number in range(6000):
            yield (f"code{number}", 1)
        raise OSError("upstream is gone")

    with pytest.raises(OSError, match="upstream is gone"):
        storage.insert_rows(Badge, ["code", "level"], rows())
    assert storage.models.Badge.select().count() == 0


def test_calls_join_the_transaction_around_them(storage):
    """Several calls are kept or undone together."""

    def fail() -> None:
        with storage.transaction():
            storage.insert_rows(Badge, ["code", "level"], [("a", 1)])
            storage.delete_rows(Badge, ["code"], [("b",)])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert storage.models.Badge.select().count() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.insert_rows(Badge, ["kode"], [("a",)]), "no column 'kode'. Did you mean 'code'"),
        (lambda s: s.insert_rows(Badge, ["zzz"], [("a",)]), "no column 'zzz'. It has"),
        (lambda s: s.insert_rows(Badge, [], [()]), "must be given"),
        (lambda s: s.insert_rows(Badge, ["code", "code"], [("a", "b")]), "each of them once"),
        (lambda s: s.insert_rows(Badge, ["code", "level"], [("a", 1)], ("b",)), "2 values for 1 columns"),
        (lambda s: s.insert_rows(Badge, ["code", "level"], [()], ("a", 1)), "2 values are the same in all rows"),
        (lambda s: s.upsert_rows(Badge, ["level"], [(1,)], ["code"]), "code are in key or update"),
        (lambda s: s.upsert_rows(Badge, ["code"], [("a",)], ["code"], ["level"]), "level are in key or update"),
        (lambda s: s.upsert_selected(Badge, ["level"], Badge.select(Badge.level), ["code"]), "code are in key or"),
        (lambda s: s.update_rows(Badge, ["code"], [], [("a",)]), "must be given"),
    ],
)
def test_columns_that_cannot_be_are_refused(storage, call, message):
    """A wrong name is the caller's mistake, found before the database is asked."""
    with pytest.raises(ArgumentError, match=message):
        call(storage)


def test_a_row_of_the_wrong_length_is_refused(storage):
    """A tuple with more or fewer values than columns writes nothing."""
    with pytest.raises(ArgumentError, match="3 values for 2 columns"):
        storage.insert_rows(Badge, ["code", "level"], [("a", 1, 2), ("b", 1)])
    with pytest.raises((StatementFailed, ArgumentError)):
        storage.insert_rows(Badge, ["code", "level"], [("a", 1), ("b",)])
    with pytest.raises((StatementFailed, ArgumentError)):
        storage.upsert_rows(Badge, ["code", "level"], [("a", 1), ("b",)], ["code"])
    rows = [(str(number), number) for number in range(300)]
    with pytest.raises((StatementFailed, ArgumentError)):
        storage.insert_rows(Badge, ["code", "level"], [*rows[:260], ("a", 1, 2), ("b",), *rows[262:]])
    assert storage.models.Badge.select().count() == 0


def test_a_missing_table_is_told_as_such(storage):
    """A table that somebody dropped is the database's complaint, not ours."""
    storage.database.execute_sql("DROP TABLE shelf_badge")
    for write in (
        lambda: storage.insert_rows(Badge, ["code", "level"], [("a", 1)]),
        lambda: storage.delete_rows(Badge, ["code"], [("a",)]),
    ):
        with pytest.raises(StatementFailed, match="shelf_badge"):
            write()


def test_names_that_are_words_of_sql_are_quoted(open_storage, write_migrations):
    """Tables and columns called like SQL's own words work."""

    class Order(peewee.Model):
        group = peewee.CharField(primary_key=True)
        order = peewee.IntegerField(column_name="select")

        class Meta:
            table_name = "order"

    code = (
        "import peewee\n\ndef up(migrator, db):\n    class Order(peewee.Model):\n"
        "        group = peewee.TextField(primary_key=True)\n        select = peewee.IntegerField()\n"
        "        class Meta:\n            database = db\n            table_name = 'order'\n"
        "    db.create_tables([Order])\n"
    )
    folder = write_migrations("orders", {"0001_initial": code}).migrations
    storage = open_storage(ModelSet("orders", [Order], folder))
    storage.insert_rows(Order, ["group", "select"], [("a", 1)])
    storage.upsert_rows(Order, ["group", "select"], [("a", 2)], ["group"])
    storage.update_rows(Order, ["group"], ["select"], [("a", 3)])
    assert storage.select_tuples(storage.models.Order.select()) == [("a", 3)]
    assert storage.delete_rows(Order, ["group"], [("a",)]) == 1
