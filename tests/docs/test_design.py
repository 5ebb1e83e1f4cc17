"""docs/design.md: the map of the house has every room, and no room or module that is gone."""

from __future__ import annotations

import re
import subprocess

from tests.fixtures.pages import ROOT

PAGE = (ROOT / "docs" / "design.md").read_text("utf-8")
#: Inside these the page leaves the reader to the folder: element trees, and templates that are somebody else's files.
CLOSED = ("auths", "corps", "databases", "templates", "routes")


def rooms() -> set[str]:
    """The folders that hold our code, as git knows them, and the top level's."""
    known = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    found = {name.split("/")[0] for name in known if "/" in name}
    for name in known:
        *folders, _ = name.split("/")
        if folders and folders[0] in {"jitcore", "plugins"}:
            closed = [place for place, folder in enumerate(folders) if folder in CLOSED]
            last = closed[0] + 1 if closed else len(folders)
            found.update("/".join(folders[:end]) for end in range(1, last + 1))
    return found


def test_every_room_is_on_the_map() -> None:
    """Each folder of the packages and each one at the top is named, in full or below its package's row."""
    missing = {room for room in rooms() if f"`{room}/`" not in PAGE and f"`{room.split('/')[-1]}/`" not in PAGE} - {
        "plugins"
    }
    assert missing == set()


def test_every_place_on_the_map_exists() -> None:
    """A folder or module that the page names by its path is there."""
    named = set(re.findall(r"`((?:jitcore|plugins|tests|docs|schemas|benchmarks|sample_app|\.ci)/[\w/.]*)`", PAGE))
    assert len(named) > 30
    assert [place for place in sorted(named) if not (ROOT / place).exists()] == []
