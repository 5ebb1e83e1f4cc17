"""docs/ as a site: it builds without a warning, lacks nothing, and needs no other machine to be read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import jitcore
from jit_qywx import emulator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ASSETS = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*\s(?:src|data)=\"?(?:https?:)?//[^\s\">]+"
    r"|<link\b(?=[^>]*\brel=\"?(?:stylesheet|preconnect|preload|icon|manifest|dns-prefetch))[^>]*\shref=\"?(?:https?:)?//[^\s\">]+"
)
STYLE_URLS = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']+")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does, beside a copy of what it is built from."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(DOCS, folder / "docs")
    for name in (".ci", "jitcore", "plugins"):
        (folder / name).symlink_to(ROOT / name)
    command = [Path(sys.executable).with_name("zensical"), "build", "--strict"]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "site"


def page(site: Path, name: str) -> str:
    return (site / name).read_text("utf-8")


def test_every_page_is_built(site: Path) -> None:
    """Each page of docs/ is a page of the site: links, anchors and references were checked on the way."""
    sources = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert {path.relative_to(site) for path in site.rglob("*.html")} - {Path("404.html")} == sources


def test_every_page_can_be_found(site: Path) -> None:
    """The navigation names each page; those about problems are listed on theirs."""
    named = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md") if path.parent.name != "problems"}
    assert named == pages | {"problems/index.md"}


def test_the_site_asks_no_other_machine_for_anything(site: Path) -> None:
    """No script, style, font or picture comes from elsewhere; plain links may lead there."""
    asked = [
        f"{path.relative_to(site)}: {found.group()}"
        for path in site.rglob("*")
        if path.suffix in {".html", ".css"}
        for found in (ASSETS if path.suffix == ".html" else STYLE_URLS).finditer(path.read_text("utf-8"))
    ]
    assert asked == []


def test_public_names_are_in_the_reference(site: Path) -> None:
    """What `jitcore` and the emulator say is theirs has an entry."""
    reference = page(site, "api/jitcore.html")
    names = set(jitcore.__all__) - {"__version__", "hookimpl"}
    assert {name for name in names if not re.search(rf'id="jitcore\.\w+\.{name}"', reference)} == set()
    assert 'id="hookimpl"' in reference
    emulated = page(site, "api/emulator.html")
    assert {
        name for name in emulator.__all__ if not re.search(rf'id="jit_qywx\.emulator\.\w+\.{name}"', emulated)
    } == set()


@pytest.mark.parametrize("name", ["jitcore", "organisations", "wecom", "emulator"])
def test_the_reference_shows_no_markup(site: Path, name: str) -> None:
    """The fields and roles of docstrings were understood, not printed."""
    text = re.sub(r"<[^>]+>", "", page(site, f"api/{name}.html"))
    assert re.findall(r".*:(?:param|raises|returns|class|func|meth|mod|attr|data|exc)\b[ :].*", text) == []
