"""Encryption at rest: where the key comes from and what it protects."""

from __future__ import annotations

import base64
import os
import secrets
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from jit_qywx.encryption import KEY_FILE, KEY_VARIABLE, SecretBox, open_box
from jit_qywx.errors import SecretKeyInvalid, SecretUnreadable

if TYPE_CHECKING:
    from pathlib import Path


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    """Without a key in the environment one is made in appData, mode 0600, and used from then on."""
    folder = tmp_path / "appData"
    sealed = open_box(folder, {}).seal("secret", "here")
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]
    assert open_box(folder, {}).open(sealed, "here") == "secret"


def test_many_openers_agree_on_one_key(tmp_path: Path) -> None:
    """Threads that all find no key end up with the same one."""
    boxes: list[SecretBox] = []
    start = threading.Barrier(8)

    def opener() -> None:
        start.wait()
        boxes.append(open_box(tmp_path, {}))

    threads = [threading.Thread(target=opener) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = boxes[0].seal("secret", "here")
    assert {box.open(sealed, "here") for box in boxes} == {"secret"}


def test_the_environments_key_comes_first(tmp_path: Path) -> None:
    """With the variable set no file is made."""
    box = open_box(tmp_path, {KEY_VARIABLE: new_key()})
    assert box.open(box.seal("secret", "here"), "here") == "secret"
    assert not list(tmp_path.iterdir())


def test_keys_can_be_changed(tmp_path: Path) -> None:
    """The first key seals, every key opens."""
    old, new = new_key(), new_key()
    sealed = open_box(tmp_path, {KEY_VARIABLE: old}).seal("secret", "here")
    both = open_box(tmp_path, {KEY_VARIABLE: f"{new}, {old}"})
    assert both.open(sealed, "here") == "secret"
    resealed = both.seal("secret", "here")
    assert open_box(tmp_path, {KEY_VARIABLE: new}).open(resealed, "here") == "secret"


def test_digests_have_a_key_of_their_own(tmp_path: Path) -> None:
    """It follows from the key that seals, and says nothing of it; where that changes, digests do."""
    old, new = new_key(), new_key()
    key = open_box(tmp_path, {KEY_VARIABLE: old}).digest_key
    assert key != base64.b64decode(old)
    assert open_box(tmp_path, {KEY_VARIABLE: f"{old},{new}"}).digest_key == key
    assert open_box(tmp_path, {KEY_VARIABLE: f"{new},{old}"}).digest_key != key


def test_another_key_is_named_by_its_id(tmp_path: Path) -> None:
    """A secret of another key is an error that names both keys' ids, neither key, and the way out."""
    old, new = new_key(), new_key()
    sealed = open_box(tmp_path, {KEY_VARIABLE: old}).seal("secret", "here")
    with pytest.raises(SecretUnreadable) as caught:
        open_box(tmp_path, {KEY_VARIABLE: new}).open(sealed, "here")
    message = str(caught.value)
    assert sealed.split(".")[1] in message
    assert KEY_VARIABLE in message
    assert old not in message
    assert new not in message


def test_a_secret_cannot_be_moved(tmp_path: Path) -> None:
    """A sealed secret copied into another row does not open there."""
    box = open_box(tmp_path, {})
    with pytest.raises(SecretUnreadable, match="belongs to another row"):
        box.open(box.seal("secret", "corp a"), "corp b")


@pytest.mark.parametrize("damage", ["", "v1", "v1.x", "v2.{0}", "plain text", "{1}.!!!", "{1}.AAAA", "{2}"])
def test_damaged_secrets_are_unreadable(tmp_path: Path, damage: str) -> None:
    """Whatever stands in the column, opening it either works or raises our error."""
    box = open_box(tmp_path, {})
    sealed = box.seal("secret", "here")
    version, key, text = sealed.split(".")
    flipped = f"{version}.{key}.{text[:-4]}AAA="
    with pytest.raises(SecretUnreadable):
        box.open(damage.format(f"{key}.{text}", f"{version}.{key}", flipped), "here")


def test_equal_secrets_do_not_look_equal(tmp_path: Path) -> None:
    """Sealing the same secret twice gives two texts, neither of which holds it."""
    box = open_box(tmp_path, {})
    first, second = box.seal("canary-canary", "here"), box.seal("canary-canary", "here")
    assert first != second
    assert "canary" not in first
    assert b"canary" not in base64.urlsafe_b64decode(first.rpartition(".")[2])


@pytest.mark.parametrize("text", ["short", "not base64 at all!", base64.b64encode(b"x" * 31).decode(), ","])
def test_malformed_keys_are_refused_unseen(tmp_path: Path, text: str) -> None:
    """A key of the wrong form is refused with the way to make one, and not repeated."""
    with pytest.raises(SecretKeyInvalid) as caught:
        open_box(tmp_path, {KEY_VARIABLE: text})
    assert "Make one" in str(caught.value)
    assert len(text) < 5 or text not in str(caught.value)


def test_url_safe_keys_are_accepted(tmp_path: Path) -> None:
    """Both base64 alphabets work."""
    key = b"\xff\xfe" * 16
    sealed = open_box(tmp_path, {KEY_VARIABLE: base64.urlsafe_b64encode(key).decode()}).seal("s", "here")
    assert open_box(tmp_path, {KEY_VARIABLE: base64.b64encode(key).decode()}).open(sealed, "here") == "s"


def test_a_key_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key file with group or world bits stops everything until it is closed."""
    open_box(tmp_path, {})
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(SecretKeyInvalid, match="chmod 600"):
        open_box(tmp_path, {})


def test_a_key_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A damaged key file is reported as unreadable, without its content."""
    path = tmp_path / KEY_FILE
    path.write_bytes(b"\xff" * 40)
    path.chmod(0o600)
    with pytest.raises(SecretKeyInvalid, match="cannot be read"):
        open_box(tmp_path, {})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Where no key can be made, the error names the place and the variable."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SecretKeyInvalid, match=KEY_VARIABLE):
        open_box(tmp_path / "file" / "appData", {})


def test_repr_names_ids_only(tmp_path: Path) -> None:
    """The box shows ids of keys, never keys."""
    key = new_key()
    assert key not in repr(open_box(tmp_path, {KEY_VARIABLE: key}))
    assert os.environ.get(KEY_VARIABLE) is None
