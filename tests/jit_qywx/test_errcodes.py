"""The table of errcodes and the exceptions made from it."""

from __future__ import annotations

import inspect

import pytest

from jit_qywx import errors
from jit_qywx.errcodes import ERRCODES, classify, describe, make_error
from jitcore.errors import JitError

OFFICIAL = (
    "access_token expired, hint: [1576065934_28_e0fae06208446638c7d77dbb2ae6c5a7], from ip: 9.30.0.138, "
    "more info at https://open.work.weixin.qq.com/devtool/query?e=42001"
)


@pytest.mark.parametrize(
    ("errcode", "error"),
    [
        (-1, errors.ServerBusy),
        (40001, errors.AuthorizationLost),
        (40014, errors.TokenExpired),
        (40078, errors.AuthorizationLost),
        (40084, errors.AuthorizationLost),
        (40085, errors.ServerBusy),
        (41001, errors.CallerMistake),
        (42001, errors.TokenExpired),
        (42009, errors.TokenExpired),
        (45009, errors.RateLimited),
        (45033, errors.TooManyConcurrent),
        (48002, errors.PermissionDenied),
        (60011, errors.PermissionDenied),
        (60020, errors.NetworkRefused),
        (60111, errors.NotFound),
        (2000002, errors.AuthorizationLost),
        (123456789, errors.ApiError),
    ],
)
def test_errcode_has_its_class(errcode: int, error: type[errors.ApiError]) -> None:
    """Each errcode becomes the exception of its class, an unknown one the common base."""
    made = make_error(errcode, "said", call="user/list department_id=3", corpId="wwcorp")
    assert type(made) is error
    assert (made.errcode, made.call, made.path, made.corpId) == (
        errcode,
        "user/list department_id=3",
        "user/list",
        "wwcorp",
    )
    assert str(errcode) in str(made)
    assert "user/list department_id=3" in str(made)


def test_every_code_says_what_to_do() -> None:
    """No row of the table leaves an engineer without a next step."""
    for errcode, row in ERRCODES.items():
        assert issubclass(row.error, errors.ApiError), errcode
        assert row.meaning
        assert row.meaning[-1] != "."
        assert row.remedy.endswith("."), errcode


def test_errmsg_is_taken_apart() -> None:
    """The caller's address leaves the text, the hint id is kept for WeCom's support."""
    told = describe(OFFICIAL)
    assert "9.30.0.138" not in told.text
    assert told.caller_address == "9.30.0.138"
    assert told.hint_id == "1576065934_28_e0fae06208446638c7d77dbb2ae6c5a7"
    made = make_error(60020, OFFICIAL, call="gettoken")
    assert "9.30.0.138" not in str(made)
    assert made.caller_address == "9.30.0.138"


def test_errmsg_cannot_smuggle_secrets_or_lines() -> None:
    """A server that echoes a secret, or writes several lines, does not get them into our message."""
    told = describe("bad token abc123\r\nsecond line " + "x" * 1000, ["abc123", ""])
    assert "abc123" not in told.text
    assert "\n" not in told.text
    assert len(told.text) <= 300


@pytest.mark.parametrize("errmsg", [None, 7, {"a": 1}])
def test_errmsg_of_any_type_is_described(errmsg: object) -> None:
    """An errmsg that is no text does not break the report of the error."""
    assert isinstance(describe(errmsg).text, str)


def test_rate_is_not_confused_with_rate_of_tickets() -> None:
    """A stale suite_ticket is trouble that passes, and its remedy names the callback."""
    row = classify(40085)
    assert "suite_ticket" in row.remedy


def test_the_tree_is_drawn_completely() -> None:
    """The picture in the module's docstring and ``__all__`` name every error class."""
    classes = {
        name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, JitError)
    } - {"JitError"}
    assert set(errors.__all__) == classes
    for name in classes:
        assert f" {name} " in f" {errors.__doc__} ".replace("\n", " ").replace("├──", " ").replace("└──", " "), name


def test_codes_are_unique() -> None:
    """Every class has a slug of its own."""
    codes = [getattr(errors, name).code for name in errors.__all__]
    assert len(set(codes)) == len(codes)
