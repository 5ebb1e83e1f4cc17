"""Departments and members as the API shows them."""

from __future__ import annotations


def test_department_list_shows_the_tree(caller):
    """department/list returns every visible department with its parent, order and leaders."""
    answer = caller.get("department/list")
    assert answer["errcode"] == 0
    assert answer["department"][1] == {
        "id": 2,
        "name": "研发中心",
        "department_leader": ["zhangsan"],
        "parentid": 1,
        "order": 4294967295,
    }


def test_department_list_starts_below_a_given_department(caller):
    """department/list?id=2 returns department 2 and what is below it, greatest order first."""
    answer = caller.get("department/list", id=2)
    assert [department["id"] for department in answer["department"]] == [2, 5, 4]
