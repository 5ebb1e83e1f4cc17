"""Every command and snippet of README and docs/ runs as printed, in a copy of the sample app, against the emulator.

``tests/fixtures/pages.py`` tells how a page is written for it.
"""

from __future__ import annotations

import socket

import pytest

from tests.fixtures.pages import ROOT, Reader, make_environment

# The pages about problems show broken apps; test_problem_pages.py runs those. The reference has no snippets of its own.
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name not in {"problems", "api"}),
]
#: Pages that start with the sample app as it is, and no enterprise that has authorised it.
FROM_SCRATCH = {"emulator.md", "getting-started.md", "log-people-in.md"}
#: What the pages call a database server that the reader has.
POSTGRES = "postgresql://jit:secret@127.0.0.1:5432/jit"


@pytest.fixture
def reader(request, tmp_path, monkeypatch):
    """A reader in a folder with the sample app, with an environment of their own."""
    page = request.node.callspec.params["page"]
    app = request.getfixturevalue("sample_app" if page.name in FROM_SCRATCH else "authorised_app")
    for name, value in make_environment(tmp_path / ".venv").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    # The emulator's usual port may be taken on this machine.
    port = free_port()
    (app / "app.json").write_text((app / "app.json").read_text("utf-8").replace("8765", str(port)), "utf-8")
    replaced = {"jit qywx emulator &": f"jit qywx emulator --port {port} &", "8765": str(port)}
    # So may be that of a page's own web server.
    replaced["8000"] = str(free_port())
    if POSTGRES in page.read_text("utf-8"):
        server = request.getfixturevalue("postgres_server")
        name = request.getfixturevalue("postgres_database")["database"]
        replaced[POSTGRES] = f"postgresql://{server.user}:{server.password}@127.0.0.1:{server.port}/{name}"
    return Reader(tmp_path, replaced)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.no_cover
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs_as_printed(page, reader):
    """Files are written, Python runs in one namespace per page, commands exit 0 and print what the page shows."""
    reader.follow(page)
