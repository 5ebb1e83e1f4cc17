"""docs/ as a site: it builds without a warning, lacks nothing, and needs no other machine to be read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

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


class Page(HTMLParser):
    """What a browser would find in a page: names to jump to, addresses, its title, and its blocks of code."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.anchors = {""}
        self.addresses: list[str] = []
        self.texts: dict[str, str] = {"title": "", "h1": ""}
        self.navigation: list[str] = []
        #: For each block, whether any of its words has a colour.
        self.coloured: list[bool] = []
        self._open: list[str] = []
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        self.addresses += [given[name] for name in ("href", "src") if name in given]
        if tag == "a" and "nav" in self._open and "href" in given:
            self.navigation.append(given["href"])
        if tag == "pre":
            self.coloured.append(False)
        elif "pre" in self._open and tag == "span" and given.get("class"):
            self.coloured[-1] = True
        if tag in {"title", "h1", "nav", "pre"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in self.texts:
            self.texts[self._open[-1]] += data


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """Every page but the one for what is not there, which a server shows at any address."""
    return {file: Page(file) for file in site.rglob("*.html") if file.name != "404.html"}


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


def test_every_link_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    """Files and anchors that pages name are in the site, by the name they have on a disk."""
    dead = []
    for file, found in pages.items():
        for address in found.addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if not target.is_file() or (target in pages and unquote(parts.fragment) not in pages[target].anchors):
                dead.append(f"{file.relative_to(site)}: {address}")
    assert dead == []


def test_every_page_says_what_and_where_it_is(pages: dict[Path, Page], site: Path) -> None:
    """A title, a heading, and the way to every page that the navigation names."""
    named = set(re.findall(r": (\S+)\.md$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    for file, found in pages.items():
        assert found.texts["h1"].strip(), file
        assert found.texts["title"].endswith("jitcore"), file
        led = {(file.parent / urlsplit(address).path).resolve() for address in found.navigation}
        assert {site / f"{name}.html" for name in named} <= led | {file}, file


def test_every_page_is_found_by_searching(pages: dict[Path, Page], site: Path) -> None:
    """The index has each page, for readers of a server, and the same as a script, for readers of a disk."""
    index = json.loads(page(site, "search.json"))
    assert {site / item["location"].partition("#")[0] for item in index["items"]} == set(pages)
    assert json.loads(page(site, "search.js").removeprefix("var __index = ").rstrip(";\n")) == index


def test_code_is_coloured(pages: dict[Path, Page], site: Path) -> None:
    """Every block whose language is known to be code has colours."""
    for source in DOCS.rglob("*.md"):
        written = re.findall(r"^```(?:python|json|console|ini)\b", source.read_text("utf-8"), re.MULTILINE)
        shown = pages[site / source.relative_to(DOCS).with_suffix(".html")].coloured
        assert sum(shown) >= len(written), source


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
