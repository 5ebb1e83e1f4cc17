"""Encryption at rest: what a stolen database file must not give away.

Secrets are sealed with AES-256-GCM. The text of a sealed secret names the key it was sealed with (a short id, not a
secret), and the place it belongs to is authenticated with it, so that a row's secret cannot be moved to another row.

The key comes from the environment variable ``JIT_SECRET_KEY``: 32 random bytes in base64, several separated by commas
to change keys (the first seals, all open). Without the variable a key is made once per App and kept in its
``appData`` folder, readable by its owner only.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import secrets
import stat
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jit_qywx.errors import SecretKeyInvalid, SecretUnreadable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["KEY_FILE", "KEY_VARIABLE", "SecretBox", "open_box"]

KEY_VARIABLE = "JIT_SECRET_KEY"
KEY_FILE = "secret.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1"
_MAKE_A_KEY = 'python -c "import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())"'


class SecretBox:
    """Seals and opens secrets.

    :param keys: AES keys of 32 bytes; the first seals, all open.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._first = _key_id(keys[0])
        #: A key for digests that only this App can make, of the key that seals.
        self.digest_key = hashlib.blake2b(b"jitcore digests", key=keys[0], digest_size=_KEY_BYTES).digest()

    def seal(self, secret: str, place: str) -> str:
        """Encrypt a secret for one place, such as ``token/app/<suite>/<corp>``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, secret.encode(), place.encode())
        return f"{_VERSION}.{self._first}.{base64.urlsafe_b64encode(nonce + sealed).decode('ascii')}"

    def is_current(self, sealed: str) -> bool:
        """Whether a secret was sealed with the key that seals now."""
        return sealed.startswith(f"{_VERSION}.{self._first}.")

    def open(self, sealed: str, place: str) -> str:
        """Decrypt what :meth:`seal` made for the same place.

        :raises SecretUnreadable: it was sealed with a key that is not at hand, for another place, or was changed.
        """
        version, _, rest = sealed.partition(".")
        key_id, _, text = rest.partition(".")
        cipher = self._ciphers.get(key_id)
        if version != _VERSION or cipher is None:
            raise SecretUnreadable(
                f"The secret of {place} was encrypted with key {key_id or 'unknown'}, which is not among the "
                f"{len(self._ciphers)} at hand ({', '.join(self._ciphers)}).",
                hint=f"Add the former key to {KEY_VARIABLE}, after the new one and a comma, or restore {KEY_FILE} in "
                "appData. If it is lost, each enterprise has to authorise the suite again.",
            )
        try:
            data = base64.urlsafe_b64decode(text)
            return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):
            pass
        raise SecretUnreadable(
            f"The stored secret of {place} was changed or belongs to another row.",
            hint="Restore the database from a backup, or have the enterprise authorise the suite again.",
        )

    def __repr__(self) -> str:
        return f"<SecretBox keys={list(self._ciphers)}>"


def open_box(folder: Path, environ: Mapping[str, str]) -> SecretBox:
    """The box for one App.

    :param folder: the App's ``appData``, where a key is made if the environment names none.
    :param environ: the environment.
    :raises SecretKeyInvalid: the key has the wrong form, cannot be read, or others can read it.
    """
    told = environ.get(KEY_VARIABLE, "").strip()
    if told:
        return SecretBox([_decode(key.strip(), KEY_VARIABLE) for key in told.split(",")])
    path = folder / KEY_FILE
    if not path.exists():
        _make_key(path)
    return SecretBox([_decode(_read_key(path), str(path))])


def _make_key(path: Path) -> None:
    """Write a new key so that of several processes one wins and none ever reads half a key."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # Unlike a rename, a link fails when the name is taken: whoever comes second uses the first one's key.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    except OSError as error:
        raise SecretKeyInvalid(
            f"No encryption key can be made at {path}: {error.strerror}.",
            hint=f"Make the folder writable, or set {KEY_VARIABLE}: {_MAKE_A_KEY}",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


def _read_key(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii")
    except (OSError, UnicodeDecodeError):
        raise SecretKeyInvalid(f"The encryption key {path} cannot be read.", hint="Restore it from a backup.") from None
    # Windows has no such bits: there stat() invents them.
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SecretKeyInvalid(
            f"The encryption key {path} can be read by others (mode {stat.S_IMODE(mode):04o}).",
            hint=f"Run: chmod 600 {path}",
        )
    return text.strip()


def _decode(text: str, source: str) -> bytes:
    try:
        # Both base64 alphabets are common among tools that make keys.
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SecretKeyInvalid(
            f"{source} does not hold an encryption key: 32 bytes in base64, 44 characters each, separated by commas.",
            hint=f"Make one: {_MAKE_A_KEY}",
        )
    return key


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"jitcore key id" + key).hexdigest()[:8]
