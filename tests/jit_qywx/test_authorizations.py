"""Permanent codes at rest."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

import pytest

from jit_qywx.authorizations import Authorizations
from jit_qywx.encryption import KEY_VARIABLE, SecretBox, open_box
from jit_qywx.errors import SecretUnreadable

if TYPE_CHECKING:
    from pathlib import Path

    from jitcore.storage import Storage


def test_a_former_key_can_be_given_up(storage: Storage, tmp_path: Path) -> None:
    """A code that is used while both keys are there is sealed with the new one from then on."""
    old, new = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))

    def with_keys(keys: str) -> Authorizations:
        box: SecretBox = open_box(tmp_path, {KEY_VARIABLE: keys})
        return Authorizations(storage, box, "dksuite", lambda: 1.0)

    for corpId in ("wwused", "wwidle"):
        with_keys(old).grant(corpId, f"code of {corpId}", None, 0)
    assert with_keys(f"{new},{old}").permanent_code("wwused") == "code of wwused"
    assert with_keys(new).permanent_code("wwused") == "code of wwused"
    with pytest.raises(SecretUnreadable):
        with_keys(new).permanent_code("wwidle")
