"""What the storage tests share: a model set, and Storages on it that are closed afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jitcore.storage import ModelSet, Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHELF = ModelSet("shelf", "tests.storage.shelf.models:MODELS", Path(__file__).parent / "shelf/migrations")


@pytest.fixture
def shelf() -> ModelSet:
    """People and badges, with two migrations."""
    return SHELF


@pytest.fixture
def open_storage(open_database) -> Iterator[Callable[..., Storage]]:
    """Makes Storages on the same data: ``open_storage(*model_sets)``, the shelf if none is given."""
    opened: list[Storage] = []

    def make(*model_sets: ModelSet) -> Storage:
        opened.append(Storage(open_database(), model_sets or [SHELF]))
        return opened[-1]

    yield make
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(open_storage) -> Storage:
    """A Storage with the shelf."""
    return open_storage()


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Which kind of database the test runs on: ``sqlite``, ``postgresql`` or ``mariadb``."""
    return str(request.node.callspec.params["open_database"])


@pytest.fixture
def write_migrations(tmp_path: Path) -> Callable[..., ModelSet]:
    """Makes a model set of files: ``write_migrations("pets", {"0001_initial": "def up(migrator, db): ..."})``."""

    def write(name: str, files: dict[str, str]) -> ModelSet:
        folder = tmp_path / "migrations" / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.py"):
            old.unlink()
        for stem, code in files.items():
            (folder / f"{stem}.py").write_text(code, "utf-8")
        return ModelSet(name, (), folder)

    return write
