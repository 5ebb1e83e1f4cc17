from __future__ import annotations

import pytest

from jit_databases.address import Address, read_address

POSTGRES = ("postgresql", "postgres")
SERVER = {"host": "db.example", "port": 5433, "user": "me", "password": "p@ss:w/rd"}
FULL = Address("shop", "db.example", 5433, "me", "p@ss:w/rd", {})


@pytest.mark.parametrize(
    "config",
    [
        {"url": "postgresql://me:p%40ss%3Aw%2Frd@db.example:5433/shop"},
        {"url": "postgres://me:p%40ss%3Aw%2Frd@db.example:5433/shop"},
        {"dbType": "postgresql", "dbAlias": "Shop", "dbConfig": {"database": "shop", **SERVER}},
        {"dbConfig": {"dbname": "shop", **SERVER, "port": "5433"}},
        {"dbType": "postgresql", "database": "shop", **SERVER},
        {"dbname": "shop", **SERVER},
    ],
)
def test_every_way_of_writing_means_the_same(config):
    """URL, nested and flat form, with either name for the database, lead to one address."""
    assert read_address(config, POSTGRES) == FULL


def test_what_is_not_told_is_left_to_the_driver():
    """Only what was written becomes a parameter."""
    assert read_address({"url": "postgresql:///shop"}, POSTGRES).parameters == {}
    assert read_address({"database": "shop"}, POSTGRES).parameters == {}
    assert FULL.parameters == SERVER


def test_further_parameters_reach_the_driver():
    """A URL's query and the key ``options`` carry what only the driver knows; a socket's folder is a host."""
    url = "postgresql://me@/shop?host=/run/postgresql&sslmode=require&connect_timeout=3"
    address = read_address({"url": url}, POSTGRES)
    assert address.host == "/run/postgresql"
    assert address.options == {"sslmode": "require", "connect_timeout": 3}
    assert read_address({"database": "x", "options": {"sslmode": "require"}}, POSTGRES).parameters == {
        "sslmode": "require"
    }


@pytest.mark.parametrize("url", ["postgresql://me:s3cret@db:port/x", "postgresql://me:s3cret@[db/x"])
def test_a_broken_url_is_not_repeated(url):
    """The message says what a URL looks like and shows nothing of this one."""
    with pytest.raises(ValueError, match=r"not of the form postgresql://") as raised:
        read_address({"url": url}, POSTGRES)
    assert "s3cret" not in str(raised.value)
    assert "port/x" not in str(raised.value)


@pytest.mark.parametrize(("url", "told"), [("mysql://me:s3cret@db/x", "mysql://"), ("shop", "no scheme")])
def test_a_url_for_another_kind_is_refused(url, told):
    """The wrong scheme is named next to the right one."""
    with pytest.raises(ValueError, match=f"begins with {told}, not postgresql://"):
        read_address({"url": url}, POSTGRES)


def test_a_password_is_not_in_the_repr():
    """An address that is logged by accident shows no password."""
    assert "p@ss" not in repr(FULL)


def test_the_three_slashes_of_sqlite():
    """Three slashes begin a relative path, four an absolute one."""
    assert read_address({"url": "sqlite:///appData/a%20b.db"}, ("sqlite",)).database == "appData/a b.db"
    assert read_address({"url": "sqlite:////srv/a.db"}, ("sqlite",)).database == "/srv/a.db"
    assert read_address({"url": "sqlite://folder/a.db"}, ("sqlite",)).host == "folder"
