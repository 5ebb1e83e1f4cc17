"""What one save costs: a change of the events that are listened to shows here before it shows in anybody's fan."""

from __future__ import annotations

import pytest

from jitcore.watching.events import Events

SAVES = 10


def in_place(file, text):
    file.write_text(text)


def atomic_rename(file, text):
    draft = file.with_name(".draft")
    draft.write_text(text)
    draft.replace(file)


#: Per save: of a write the closing, of a rename also the making and closing of the draft.
@pytest.mark.parametrize(("save", "budget"), [(in_place, 1), (atomic_rename, 3)])
def test_a_save_is_few_events(watched, things, monkeypatch, save, budget):
    """Openings, reads and the watcher's own looking cause none, so a save costs the same in an app of any size."""
    heard = []
    hear = Events._on_event
    monkeypatch.setattr(Events, "_on_event", lambda self, event: heard.append(event) or hear(self, event))
    app = watched(things)
    app.app.getElement("things.Hello")
    file = app.path / "things/Hello/Hello.json"
    # The first round also makes appData.
    save(file, '{"word": "First"}')
    app.next()
    app.none()
    del heard[:]
    for number in range(SAVES):
        save(file, f'{{"word": "Hello {number}"}}')
        assert app.next().reloaded == ("things.Hello",)
    app.none()
    assert len(heard) <= SAVES * budget, [repr(event) for event in heard]
