"""The tables: made by migrations, equal to the models, and without a place for what must not be stored."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jit_corps.models import MODELS, CorpDept, CorpMember, CorpRole, CorpRoleMember, JsonText, User
from jit_corps.publish import TABLES
from tests.jit_corps.scripted import CORP, member, snapshot

#: What the databases call the types of our fields.
TYPES = {
    "TEXT": {"text", "longtext", "varchar"},
    "INT": {"integer", "int"},
    "BIGINT": {"bigint", "integer"},
    "BIGAUTO": {"bigint", "integer"},
    "BOOL": {"smallint", "boolean", "integer", "tinyint"},
    "DOUBLE": {"double precision", "double", "real"},
    "DATETIME": {"datetime", "timestamp without time zone"},
}
FORBIDDEN = ("mobile", "mail", "phone", "address", "token", "secret")


@pytest.mark.every_database
def test_the_migrations_make_what_the_models_say(bench):
    """Tables, columns with type, nullability and key, and indexes."""
    from playhouse.schema_diff import diff_models

    bound = [bench.storage.models[model] for model in MODELS]
    assert str(diff_models(bench.storage.database, bound)) == ""
    for model in bound:
        columns = {one.name: one for one in bench.storage.database.get_columns(model._meta.table_name)}
        keys = {field.column_name for field in model._meta.get_primary_keys()}
        for field in model._meta.sorted_fields:
            column = columns[field.column_name]
            assert column.data_type.lower() in TYPES[field.field_type], (model, field)
            assert column.null == field.null or column.primary_key, (model, field)
            assert column.primary_key == (field.column_name in keys), (model, field)


@pytest.mark.every_database
def test_every_column_can_be_read_and_written_by_its_model(bench):
    """A row of each model makes the round trip."""
    for model in MODELS:
        bound = bench.storage.models[model]
        assert list(bound.select()) == []


@pytest.mark.parametrize("kind", TABLES)
def test_rows_have_the_fields_of_their_models_in_order(kind):
    """A row is a record without the corp's name."""
    model, row = TABLES[kind]
    assert ("corpFullName", *row._fields) == tuple(model._meta.sorted_field_names)


def test_no_table_has_a_column_for_telephone_numbers_or_addresses():
    """What is not stored cannot leak."""
    columns = [field.column_name for model in MODELS for field in model._meta.sorted_fields if field.name != "token"]
    assert [name for name in columns if any(word in name for word in FORBIDDEN)] == []


def test_the_database_files_hold_no_telephone_number(bench, tmp_path):
    """Canaries of every sensitive field, planted upstream, are nowhere on disk."""
    canaries = {"mobile": "13900001111", "email": "canary@example.com", "telephone": "010-12345678"}
    bench.sync(snapshot([member("ann", "1", **canaries)]))
    bench.sync(snapshot([member("ann", "1", name="Anna", **canaries)]))
    bench.storage.close()
    for path in tmp_path.iterdir():
        if path.is_file():
            content = path.read_bytes()
            assert not [one for one in canaries.values() if one.encode() in content], path


def test_rows_speak_jitais_words(bench):
    """Status as number and as word, nick for name, isCustom flags, and a text that people can read."""
    bench.sync(snapshot([member("ann", "1"), member("bo", "1", name=None, active=False)], tags={"tag:1": ["ann"]}))
    models = bench.storage.models
    ann, bo = models.CorpMember.select().order_by(models.CorpMember.memberId)
    assert (ann.status, ann.statusName, ann.active, ann.nick, str(ann)) == (1, "active", True, "Ann", "Ann")
    assert (bo.status, bo.statusName, bo.active, bo.nick, str(bo)) == (2, "offline", False, None, "bo")
    assert isinstance(ann, CorpMember)
    assert (ann.corpFullName, ann.invisible) == (CORP, False)
    dept = models[CorpDept].get()
    assert (dept.deptId, dept.name, str(dept), dept.invisible) == ("1", "Shop", "Shop", False)
    role = models[CorpRole].get()
    assert (role.roleId, str(role), role.isCustom) == ("tag:1", "Role tag:1", 0)
    assert models[CorpRoleMember].get().isCustom == 0
    user = models[User].get_by_id(ann.userId)
    assert str(user) == "Ann"
    assert str(User(userId="u", name=None)) == "u"


def test_json_text_keeps_values_as_text():
    """So that every database can keep it."""
    field = JsonText()
    assert field.db_value({"a": ["é"]}) == '{"a":["é"]}'
    assert field.python_value('{"a":1}') == {"a": 1}
    assert field.db_value(None) is field.python_value(None) is None


def test_the_element_module_imports_nothing_heavy():
    """Loading a corp element costs no database layer and no terminal library."""
    heavy = {"peewee", "requests", "jsonschema", "cryptography", "watchdog", "rich", "click"}
    code = (
        "import sys, jit_corps.corp, jit_corps.plugin, jit_corps.corps.Meta\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
