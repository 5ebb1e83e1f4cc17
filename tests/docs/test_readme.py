"""README.md: its picture of the layers is drawn from real ones. `JIT_UPDATE_README=1` draws it anew."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from click.testing import CliRunner

from jitcore import App
from jitcore.cli.root import root
from tests.fixtures.pages import ROOT

README = ROOT / "README.md"
PICTURE = re.compile(r"(?<=^## Layers\n\n```\n)(?P<drawn>.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
NAME = "corps.QywxProxyType"
KINDS = {
    "app": "your app",
    "base": "an app it extends",
    "generated": "made from data",
    "shipped": "shipped with jitcore",
}


def drawn(app: App) -> str:
    """A line for each layer, nearest first: what it is, and where it defines the name."""
    told = app.explain(NAME)
    notes = {told.winner.layer: "◄ wins: your override"}
    notes |= {shadowed.layer: "what you override, still importable" for shadowed in told.shadowed}
    files = {one.layer: one.file for one in (told.winner, *told.shadowed)}
    rows = [
        (str(number), layer.name, KINDS[layer.kind], _folder(files.get(layer.name)), notes.get(layer.name, ""))
        for number, layer in enumerate(app.layers, start=1)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _folder(file: str | None) -> str:
    """The folder of an e.json, from the package or app that holds it."""
    if file is None:
        return ""
    parts = Path(file).parent.parts
    start = max((place + 1 for place, part in enumerate(parts) if part == "plugins"), default=0)
    return "/".join(parts[start:]) + "/"


def test_the_picture_of_the_layers_is_true(sample_app: Path) -> None:
    """It shows the layers of the sample app, extended and with an override made by `jit override`."""
    made = CliRunner().invoke(root, ["--app", str(sample_app), "override", NAME], standalone_mode=False)
    assert made.exit_code == 0, made.output
    company = sample_app.parent / "company_app"
    company.mkdir()
    (company / "app.json").write_text('{"name": "company_app"}')
    manifest = json.loads((sample_app / "app.json").read_text("utf-8"))
    (sample_app / "app.json").write_text(json.dumps({**manifest, "extends": [{"path": "../company_app"}]}))
    with App(sample_app, plugins=False) as app:
        picture = drawn(app)
    readme = README.read_text("utf-8")
    if os.environ.get("JIT_UPDATE_README") == "1":
        README.write_text(PICTURE.sub(lambda _: picture, readme), "utf-8")
    else:
        found = PICTURE.search(readme)
        assert found is not None
        assert found["drawn"] == picture
