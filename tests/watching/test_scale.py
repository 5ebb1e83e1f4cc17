"""Many edits at once: what events lose, looking finds."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest


@pytest.fixture
def crowd(things):
    """Files of an app with ten thousand instances."""
    files = dict(things)
    for number in range(10_000):
        files[f"things/C{number:05d}/e.json"] = '{"type": "things.PlainType", "title": "One of many"}'
        files[f"things/C{number:05d}/C{number:05d}.json"] = '{"word": "Old"}'
    return files


EDIT = """
import os, sys
root = sys.argv[1]
for number in range(10_000):
    place = f"{root}/things/C{number:05d}/C{number:05d}.json"
    with open(place + ".partial", "w") as file:
        file.write('{"word": "New"}')
    os.replace(place + ".partial", place)
"""


@pytest.mark.no_cover
def test_ten_thousand_edits_leave_nothing_stale(watched, crowd):
    """Another process rewrites every business file as fast as it can: every element becomes new, none of them long
    after the others."""
    app = watched(crowd)
    names = [f"things.C{number:05d}" for number in range(10_000)]
    for name in names:
        app.app.getElement(name)
    subprocess.run([sys.executable, "-c", EDIT, str(app.path)], check=True)
    waiting, progress = set(names), time.monotonic()
    while waiting and time.monotonic() - progress < 15:
        stale = {name for name in waiting if app.app.getElement(name).config["word"] != "New"}
        if stale != waiting:
            waiting, progress = stale, time.monotonic()
        time.sleep(0.05)
    assert not waiting, len(waiting)


def test_three_hundred_new_folders_are_three_hundred_elements(watched, things):
    """Folders made as fast as another process can are all found."""
    app = watched(things)
    code = (
        "import os, sys\n"
        "for number in range(300):\n"
        "    folder = f'{sys.argv[1]}/things/N{number:03d}'\n"
        "    os.mkdir(folder)\n"
        '    open(f\'{folder}/e.json\', \'w\').write(\'{"type": "things.PlainType", "title": "New"}\')\n'
        "    open(f'{folder}/N{number:03d}.json', 'w').write('{\"word\": \"New\"}')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(app.path)], check=True)
    app.until(lambda: sum(name.startswith("things.N") for name in app.app.elements) == 300)
    assert all(app.app.getElement(f"things.N{number:03d}").greet("you") == "New you" for number in range(300))


@pytest.mark.no_cover
def test_an_idle_watcher_of_ten_thousand_folders_hardly_works(watched, crowd):
    """Watching costs next to nothing while nobody edits: no storm of events, no busy loop."""
    app = watched(crowd)
    app.until(lambda: app.app.watcher._watch._reconcile_at > time.monotonic() + 0.5)
    rounds = app.app.watcher._watch
    looks = []
    look = rounds._files.look_everywhere
    rounds._files.look_everywhere = lambda: looks.append(1) or look()
    time.sleep(4)
    assert len(looks) <= 2
