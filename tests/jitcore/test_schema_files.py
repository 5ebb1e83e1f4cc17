"""The schemas jitcore ships: valid, strict where it helps, and read alike by every engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from jitcore.annotations import subschemas
from jitcore.schemas import load_schema, schema_path
from jitcore.source import read_json
from jitcore.validation import Schema, references, secret_pointers

SHIPPED = sorted(path.name.removesuffix(".schema.json") for path in schema_path("e").parent.glob("*.schema.json"))


def shipped(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(schema_path(name).read_text("utf-8"))
    return document


SAMPLES = ["", "a.B", "a.B1", "1", "1.0", "1.0.0-rc.1", "ab", "x" * 43, "ww1234", "auths.A_b", "数据.名"]


def patterns(name: str) -> list[str]:
    return [schema["pattern"] for _, schema in subschemas(shipped(name)) if "pattern" in schema]


@pytest.fixture(scope="module")
def e() -> Schema:
    """The schema of e.json."""
    return load_schema("e")


@pytest.fixture(scope="module")
def app() -> Schema:
    """The schema of app.json."""
    return load_schema("app")


class TestEverySchema:
    """What holds for each shipped schema, also those of the plugins' Types."""

    @pytest.mark.parametrize("name", SHIPPED)
    def test_it_passes_its_meta_schema_and_compiles(self, name: str) -> None:
        """Both engines take it, as draft 2020-12, without fetching anything."""
        schema = shipped(name)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        jsonschema.Draft202012Validator.check_schema(schema)
        assert load_schema(name).source.data == schema

    @pytest.mark.parametrize("name", SHIPPED)
    def test_it_allows_schema_and_refuses_unknown_keys(self, name: str) -> None:
        """An editor may note which schema it uses; a misspelt key is an error."""
        schema = shipped(name)
        assert schema["properties"]["$schema"] == {"type": "string"}
        assert schema["additionalProperties"] is False

    @pytest.mark.parametrize("name", SHIPPED)
    def test_its_patterns_refuse_a_trailing_line_end(self, name: str) -> None:
        """The accepting engine takes no value with a line end behind it, and no pattern leaves digits to an engine."""
        for pattern in patterns(name):
            assert not re.search(r"\\[dDwW]", pattern)
            engine = jsonschema_rs.validator_for({"pattern": pattern})
            assert not any(engine.is_valid(f"{sample}\n") for sample in SAMPLES)

    @pytest.mark.parametrize("name", ["e", "app"])
    def test_its_patterns_mean_the_same_to_both_engines(self, name: str) -> None:
        """A trailing line end, digits of other scripts and wide characters divide engines; not here."""
        samples = [*SAMPLES, *(f"{one}{tail}" for one in SAMPLES for tail in ("\n", "\r\n", "١", "\u2028", ".", "😀"))]
        for pattern in patterns(name):
            fast = jsonschema_rs.validator_for({"pattern": pattern})
            exact = jsonschema.Draft202012Validator({"pattern": pattern})
            assert [fast.is_valid(one) for one in samples] == [exact.is_valid(one) for one in samples]


class TestFinding:
    """Where the files are."""

    def test_a_shipped_schema_is_found_by_name(self) -> None:
        """By `e`, `app` or a Type's full name."""
        assert schema_path("e").name == "e.schema.json"
        assert schema_path("app").is_file()

    @pytest.mark.parametrize("name", ["nope", "corps.Nope", "../pyproject", "", "e\0", "/etc/passwd", "e."])
    def test_another_name_is_an_error(self, name: str) -> None:
        """Nothing but a shipped name leads to a file."""
        with pytest.raises(FileNotFoundError, match="ships no schema"):
            schema_path(name)


class TestElementSchema:
    """e.json."""

    @pytest.mark.parametrize(
        "document",
        [
            {"type": "corps.QywxProxyType", "title": "My WeCom", "version": "1.0.0"},
            {"type": "", "title": "Corps"},
            {"$schema": "../../schemas/e.schema.json", "type": "auths.loginTypes.QywxProxyType", "title": "登录"},
            {"type": "数据.类型1", "title": "x", "x-team": {"any": 1}, "overrides": "1.2.0"},
            {"type": "a.B", "title": "x", "version": "2", "accessModifier": None, "default": 1, "allowRegister": 0},
            {
                "type": "services.NormalType",
                "title": "x",
                "icon": "i",
                "tag": "a,b",
                "description": "d",
                "backendBundleEntry": ".",
                "frontBundleEntry": "./X.json",
                "frontMobileBundleEntry": "./X.json",
                "loadTime": "startUp",
                "backendLoadTime": "afterAppInit",
                "cacheLevel": 1,
                "accessModifier": "public",
                "functionList": [{"name": "f", "title": "F", "args": [], "loginRequired": 1}],
                "variables": [],
                "backendEpath": "events/X/element.pkg",
                "extendType": "self",
                "path": "p",
                "fullName": "services.X",
                "name": "X",
                "appId": "org.App",
                "eventDescs": [{"name": "n"}],
            },
        ],
    )
    def test_what_people_and_the_peers_tools_write(self, e: Schema, document: dict[str, Any]) -> None:
        """Definitions of all three levels, and every key that JitAi's tools put into one."""
        assert e.accepts(document)

    @pytest.mark.parametrize(
        ("document", "code", "pointer"),
        [
            ({"type": "a.B"}, "key-missing", ""),
            ({"title": "x"}, "key-missing", ""),
            ({"type": "a.B", "title": "x", "tittle": "x"}, "key-unknown", "/tittle"),
            ({"type": "Meta", "title": "x"}, "value-pattern", "/type"),
            ({"type": "a.B.", "title": "x"}, "value-pattern", "/type"),
            ({"type": "a.1B", "title": "x"}, "value-pattern", "/type"),
            ({"type": "a._B", "title": "x"}, "value-pattern", "/type"),
            ({"type": "../a.B", "title": "x"}, "value-pattern", "/type"),
            ({"type": "a.B\n", "title": "x"}, "value-pattern", "/type"),
            ({"type": None, "title": "x"}, "value-type", "/type"),
            ({"type": "a.B", "title": ""}, "value-length", "/title"),
            ({"type": "a.B", "title": "x", "version": 1}, "value-type", "/version"),
            ({"type": "a.B", "title": "x", "version": "١.٠"}, "value-pattern", "/version"),
            ({"type": "a.B", "title": "x", "version": "1.0.0\n"}, "value-pattern", "/version"),
            ({"type": "a.B", "title": "x", "version": "v1"}, "value-pattern", "/version"),
            ({"type": "a.B", "title": "x", "accessModifier": "privat"}, "value-choice", "/accessModifier"),
        ],
    )
    def test_what_is_refused(
        self, e: Schema, tmp_path: Path, document: dict[str, Any], code: str, pointer: str
    ) -> None:
        """One mistake, one problem."""
        (tmp_path / "e.json").write_text(json.dumps(document))
        source = read_json(tmp_path / "e.json", inside=tmp_path, shown="e.json", element="a.X")
        assert not e.accepts(source.data)
        assert [(problem.code, problem.pointer) for problem in e.explain(source)] == [(code, pointer)]

    def test_a_definition_holds_no_secrets_and_no_references(self, e: Schema) -> None:
        """Its lines may be shown, and its only edge is its Type."""
        assert secret_pointers(e) == ()
        assert references(e, {"type": "a.B", "title": "x"}) == []


class TestAppSchema:
    """app.json."""

    @pytest.mark.parametrize(
        "document",
        [
            {},
            {"name": "shop", "title": "Shop", "version": "1.0.0", "$schema": "x"},
            {"extends": [{"path": "../base_app"}, {"plugin": "acme"}, {"appId": "wanyun.JitAuth", "version": "1.0.0"}]},
            {"settings": {"defaultElement": {"defaultDatabase": "databases.Default"}, "acme": {"any": 1}}},
            {"variables": [{"name": "suiteSecret", "title": "Secret", "secret": True}, {"name": "x", "default": ""}]},
            {
                "appId": "org.App",
                "orgId": "org",
                "icon": "i",
                "theme": "#3d65fd",
                "encrypted": 0,
                "settings": {
                    "defaultElement": {
                        "defaultCache": "caches.Default",
                        "defaultDatabase": "databases.Default",
                        "defaultShell": "shells.Default",
                        "defaultStorage": "storages.Default",
                    }
                },
            },
        ],
    )
    def test_what_people_and_the_peers_tools_write(self, app: Schema, document: dict[str, Any]) -> None:
        """From nothing at all to every key that JitAi's tools put in."""
        assert app.accepts(document)

    @pytest.mark.parametrize(
        ("document", "code", "pointer"),
        [
            ({"nmae": "x"}, "key-unknown", "/nmae"),
            ({"name": ""}, "value-length", "/name"),
            ({"version": "one"}, "value-pattern", "/version"),
            ({"extends": {"path": "x"}}, "value-type", "/extends"),
            ({"extends": ["../base"]}, "value-type", "/extends/0"),
            ({"extends": [{}]}, "key-missing", "/extends/0"),
            ({"extends": [{"path": "x", "plugin": "y"}]}, "value-shape", "/extends/0"),
            ({"extends": [{"path": "x", "pulgin": "y"}]}, "key-unknown", "/extends/0/pulgin"),
            (
                {"settings": {"defaultElement": {"defaultDatabse": "databases.X"}}},
                "key-unknown",
                "/settings/defaultElement/defaultDatabse",
            ),
            (
                {"settings": {"defaultElement": {"defaultDatabase": "Default"}}},
                "value-pattern",
                "/settings/defaultElement/defaultDatabase",
            ),
            ({"variables": [{"title": "x"}]}, "key-missing", "/variables/0"),
            ({"variables": [{"name": "a-b"}]}, "value-pattern", "/variables/0/name"),
            ({"variables": [{"name": "a", "default": 1}]}, "value-type", "/variables/0/default"),
            ({"variables": [{"name": "a", "secret": "yes"}]}, "value-type", "/variables/0/secret"),
        ],
    )
    def test_what_is_refused(
        self, app: Schema, tmp_path: Path, document: dict[str, Any], code: str, pointer: str
    ) -> None:
        """One mistake, one problem."""
        (tmp_path / "app.json").write_text(json.dumps(document))
        source = read_json(tmp_path / "app.json", inside=tmp_path, shown="app.json", element=None)
        assert not app.accepts(source.data)
        assert [(problem.code, problem.pointer) for problem in app.explain(source)] == [(code, pointer)]

    def test_the_default_database_is_a_reference(self, app: Schema) -> None:
        """So that a wrong name is found before anything is stored."""
        document = {"settings": {"defaultElement": {"defaultDatabase": "databases.X", "defaultCache": "caches.X"}}}
        assert references(app, document) == [
            ("/settings/defaultElement/defaultDatabase", "databases.X", "databases"),
        ]

    def test_a_default_may_be_a_secret(self, app: Schema) -> None:
        """Nobody can tell from the declaration's schema which default is one, so none is shown."""
        assert secret_pointers(app) == ("/variables/*/default",)
