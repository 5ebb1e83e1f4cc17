"""`jit schema`: what it prints, and what it puts where an editor looks."""

from __future__ import annotations

import json

import jsonschema
import pytest


def schemas_of(jit):
    return json.loads(jit("schema")[1])


def test_it_prints_the_schemas_of_the_layers(jit, shop):
    """app.json, e.json and every Type that has one, all of them valid schemas."""
    schemas = schemas_of(jit)
    assert {"app", "e", "corps.QywxProxyType", "databases.PgSqlType"} <= schemas.keys()
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(jit("schema", "corps.QywxProxyType")[1]) == schemas["corps.QywxProxyType"]
    assert json.loads(jit("schema", "corps.CorpA")[1]) == schemas["corps.QywxProxyType"]


def test_the_files_of_a_right_app_follow_them(jit, shop):
    """Also where a {{variable}} stands for a text of 43 letters."""
    schemas = schemas_of(jit)
    jsonschema.validate(json.loads((shop / "app.json").read_text()), schemas["app"])
    for path in shop.rglob("e.json"):
        definition = json.loads(path.read_text())
        jsonschema.validate(definition, schemas["e"])
        business = json.loads((path.parent / f"{path.parent.name}.json").read_text())
        jsonschema.validate({"$schema": "x", **business}, schemas[definition["type"]])


def test_what_check_refuses_they_refuse(jit, shop):
    """An unknown type, an unknown key, and a text that is neither a variable nor what is asked for."""
    schemas = schemas_of(jit)
    auth = json.loads((shop / "auths/QywxProxyAuth/QywxProxyAuth.json").read_text())
    auth["authConfig"]["encodingAESKey"] = "too short"
    for wrong, schema in (
        ({"type": "corps.QwxProxyType", "title": "x"}, "e"),
        ({"corpId": "x", "authFullName": "auths.X", "corpid": "x"}, "corps.QywxProxyType"),
        (auth, "auths.loginTypes.QywxProxyType"),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schemas[schema])


def test_types_are_offered_with_where_they_come_from(jit, shop):
    """Each value of `type` has a description; references offer the elements there are."""
    assert jit("new", "type", "things.NoteType")[0] == 0
    schemas = schemas_of(jit)
    of_type = schemas["e"]["properties"]["type"]
    offered = dict(zip(of_type["enum"], of_type["enumDescriptions"], strict=True))
    assert offered["corps.QywxProxyType"].startswith("WeCom proxy development organization (jitcore ")
    assert offered["things.NoteType"] == "Note (shop 0.1.0)"
    assert schemas["corps.QywxProxyType"]["properties"]["authFullName"]["examples"] == ["auths.QywxProxyAuth"]
    assert "things.NoteType" in schemas


def test_writing_maps_each_file_by_its_path(jit, shop):
    """VS Code is told by globs that name the folder; a second run writes nothing."""
    assert jit("schema", "--write")[0] == 0
    settings = json.loads((shop / ".vscode/settings.json").read_text())
    mapping = {entry["url"].rpartition("/")[2]: entry["fileMatch"] for entry in settings["json.schemas"]}
    assert mapping == {
        "app.schema.json": ["/app.json"],
        "e.schema.json": ["/auths/*/e.json", "/corps/*/e.json"],
        "auths.loginTypes.QywxProxyType.schema.json": ["/auths/QywxProxyAuth/QywxProxyAuth.json"],
        "corps.QywxProxyType.schema.json": ["/corps/CorpA/CorpA.json"],
    }
    for entry in settings["json.schemas"]:
        assert (shop / entry["url"]).is_file()
    assert jit("schema", "--write") == (0, "Everything is up to date.\n", "")
    assert jit("schema", "--check") == (0, "Everything is up to date.\n", "")
    assert jit("check")[0] == 0


def test_what_is_out_of_date_is_found_and_made_fresh(jit, shop):
    """A new Type and a new instance show; the schema of a Type that went away goes too."""
    jit("schema", "--write")
    jit("new", "type", "things.NoteType")
    jit("new", "instance", "corps.CorpB")
    code, out, _ = jit("schema", "--check")
    assert code == 1
    assert "out of date: .jit/schemas/things.NoteType.schema.json" in out
    assert "out of date: .vscode/settings.json" in out
    assert "wrote .jit/schemas/e.schema.json" in jit("schema", "--write")[1]
    assert jit("schema", "--check")[0] == 0
    (shop / "things/NoteType/schema.json").unlink()
    assert "removed .jit/schemas/things.NoteType.schema.json" in jit("schema", "--write")[1]


def test_settings_that_are_there_stay(jit, shop):
    """Other keys, other schemas and the way they are written are the user's."""
    path = shop / ".vscode/settings.json"
    path.parent.mkdir()
    mine = '{\n    "editor.tabSize": 4,\n    "json.schemas": [ {"fileMatch": ["x.json"], "url": "./x.json"} ]\n}\n'
    path.write_text(mine)
    assert jit("schema", "--write")[0] == 0
    text = path.read_text()
    assert text.startswith('{\n    "editor.tabSize": 4,\n')
    assert json.loads(text)["json.schemas"][0] == {"fileMatch": ["x.json"], "url": "./x.json"}
    assert len(json.loads(text)["json.schemas"]) == 5
    path.write_text('{\n    "editor.tabSize": 4\n}\n')
    assert jit("schema", "--write")[0] == 0
    assert path.read_text().startswith('{\n    "editor.tabSize": 4,\n  "json.schemas": [')
    path.write_text("{}")
    assert jit("schema", "--write")[0] == 0
    assert list(json.loads(path.read_text())) == ["json.schemas"]


@pytest.mark.parametrize("text", ['{\n  // tabs\n  "editor.tabSize": 4\n}\n', '{"json.schemas": {}}'])
def test_settings_that_cannot_be_merged_are_left_and_the_text_is_printed(jit, shop, text):
    """Comments would be lost: the mapping is printed to be pasted, and the file stays."""
    path = shop / ".vscode/settings.json"
    path.parent.mkdir()
    path.write_text(text)
    code, out, err = jit("schema", "--write")
    assert code == 1
    assert "left as it is" in err
    pasted = json.loads("{" + out[out.index('"json.schemas"') :] + "}")["json.schemas"]
    assert pasted[0]["fileMatch"] == ["/app.json"]
    assert path.read_text() == text


def test_the_schemas_stand_when_only_the_settings_cannot_be_merged(jit, shop):
    """What was printed points at files that are there."""
    (shop / ".vscode").mkdir()
    (shop / ".vscode/settings.json").write_text("// mine\n{}\n")
    assert jit("schema", "--write")[0] == 1
    assert (shop / ".jit/schemas/e.schema.json").is_file()


def test_what_has_no_schema_is_said(jit, shop):
    """A Meta, a name that nobody defines, and a name together with --write."""
    assert "no schema that can be used" in jit("schema", "corps.Meta")[2]
    code, _, err = jit("schema", "corps.CropA")
    assert code == 1
    assert "corps.CorpA" in err
    assert jit("schema", "e", "--write")[0] == 2


def test_a_type_that_cannot_be_read_has_none(jit, write_app, things):
    """The others are printed all the same."""
    path = write_app({**things, "things/PlainType/schema.json": "{"})
    schemas = json.loads(jit("--app", path, "schema")[1])
    assert "things.PlainType" not in schemas
    assert "e" in schemas


def test_business_files_of_any_name_are_mapped(jit, write_app, things):
    """config.json where it is what the element has; nested families have globs of their own."""
    path = write_app(
        {
            **things,
            "things/deep/Far/e.json": {"type": "things.PlainType", "title": "Far"},
            "things/deep/Far/config.json": {"word": "far"},
        }
    )
    assert jit("--app", path, "schema", "--write")[0] == 0
    mapping = json.loads((path / ".vscode/settings.json").read_text())["json.schemas"]
    matches = [match for entry in mapping for match in entry["fileMatch"]]
    assert {"/things/*/e.json", "/things/deep/*/e.json"} <= set(matches)
    assert {"/things/Hello/Hello.json", "/things/deep/Far/config.json"} <= set(matches)
