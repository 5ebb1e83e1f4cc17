"""Every protection of the sync, how to switch it off, and what has to turn red then.

Nothing of this is in the product: a protection is switched off by replacing a function while a test run lasts
(``pytest --without NAME``). :mod:`tests.invariants.harness.sabotage` does it for all of them.
"""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

from jit_qywx.errors import QywxError

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = "tests/invariants/"


@dataclass(frozen=True)
class Protection:
    """One protection.

    :param what: what it keeps from happening.
    :param off: replaces it.
    :param tests: node ids, of which one at least has to fail without it.
    """

    what: str
    off: Callable[[], None]
    tests: tuple[str, ...]


def switch_off(name: str) -> None:
    """Do without a protection until this process ends."""
    PROTECTIONS[name].off()


def _put(place: str, name: str, value: Any) -> None:
    """Replace ``name`` of a module, or of a class written ``module:Class``."""
    module, _, inside = place.partition(":")
    owner = importlib.import_module(module)
    setattr(getattr(owner, inside) if inside else owner, name, value)


def _real(place: str, name: str) -> Any:
    module, _, inside = place.partition(":")
    owner = importlib.import_module(module)
    return getattr(getattr(owner, inside) if inside else owner, name)


def _replaced(place: str, name: str, value: Any) -> Callable[[], None]:
    return lambda: (_real(place, name), _put(place, name, value))[1]


def _no_observations() -> None:
    for module in ("state", "targeted_state", "differing", "publish"):
        _put(f"jit_corps.{module}", "read_fresh", lambda *_: frozenset())


def _no_fence() -> None:
    for module in ("publish", "sync"):
        _put(f"jit_corps.{module}", "check_claim", lambda *_: None)


def _any_scope_is_the_same() -> None:
    real = _real("jit_corps.comparing:Comparison", "__init__")

    @wraps(real)
    def init(self: Any, *args: Any) -> None:
        real(self, *args)
        self.rescoped = False

    _put("jit_corps.comparing:Comparison", "__init__", init)


def _scope_is_read_once() -> None:
    def read(self: Any, *args: Any) -> Any:
        told: list[Any] = []
        real = _real("jit_qywx.reading", "read_scope")

        def once(*given: Any) -> Any:
            told[:] = told or [real(*given)]
            return told[0]

        _put("jit_qywx.reading", "read_scope", once)
        try:
            return real_read(self, *args)
        finally:
            _put("jit_qywx.reading", "read_scope", real)

    real_read = _real("jit_qywx.reading:_Reading", "read")
    _put("jit_qywx.reading:_Reading", "read", read)


def _failed_lists_are_empty() -> None:
    def forgiving(listing: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            try:
                return listing(*args, **kwargs)
            except QywxError:
                return []

        return ask

    for name in ("list", "list_news"):
        _put("jit_qywx.client.user:User", name, forgiving(_real("jit_qywx.client.user:User", name)))


def _manual_offline_is_upstreams() -> None:
    real = _real("jit_corps.plan_members", "_known")
    _put("jit_corps.plan_members", "_known", lambda told, old, how: real(told, old._replace(manualOffline=False), how))


def _missing_is_cleared() -> None:
    for module in ("plan_members", "differing"):
        _put(f"jit_corps.{module}", "is_as_told", lambda *_: False)
    real = _real("jit_corps.plan_members", "_known")
    _put("jit_corps.plan_members", "_known", lambda told, old, how: real(told, old, how)._replace(name=told.name))


def _stale_plans_are_published() -> None:
    lock = _real("jit_corps.publish", "lock_generation")
    _put("jit_corps.publish", "_checked", lambda storage, plan, runId=None: lock(storage, plan.corpFullName)[0])


def _no_masking() -> None:
    real = _real("jit_qywx.client.transport", "make_error")
    _put("jit_qywx.client.transport", "make_error", lambda *a, **k: real(*a, **{**k, "secrets": ()}))


def _lists_are_always_believed() -> None:
    _put("jit_corps.plan", "_fingerprints", lambda parts: parts.snapshot.fingerprints)
    real = _real("jit_corps.plan", "plan_parts")

    def plan(parts: Any, *, withhold: Any = frozenset()) -> Any:
        return replace(real(parts, withhold=withhold), fingerprints=parts.snapshot.fingerprints)

    _put("jit_corps.plan", "plan_parts", plan)


def _nobody_was_touched() -> None:
    for module in ("recall", "differing"):
        _put(f"jit_corps.{module}", "read_touched", lambda *_: _real("jit_corps.fingerprints", "Touched")())


def _counts_agree() -> None:
    real = _real("jit_corps.recall:Recall", "_counts")
    _put("jit_corps.recall:Recall", "_counts", lambda *asked: _Anything(real(*asked)))


def _digests_need_no_key() -> None:
    real = _real("jit_corps.fingerprints:Digests", "__init__")
    _put("jit_corps.fingerprints:Digests", "__init__", lambda self, _key: real(self, b""))


def _nobody_differs() -> None:
    real = _real("jit_corps.recall:Recall", "look_up_news")

    def look_up(self: Any) -> None:
        real(self)
        self.differing = {deptId: set() for deptId in self.differing}
        self.inside = type(self.inside)()

    _put("jit_corps.recall:Recall", "look_up_news", look_up)


def _no_second_look() -> None:
    _put("jit_qywx.reading:_Reading", "_look_again", lambda _self, _missing, _confirm: ([], frozenset()))


def _acknowledged_unstored() -> None:
    _put("jit_qywx.journal:Journal", "write", lambda _self, entries: [False] * len(entries))


class _Anything(dict[str, int]):
    """A count that equals every other."""

    def get(self, _key: object, _default: object = None) -> Any:
        return _Equal(0)


class _Equal(int):
    def __eq__(self, _other: object) -> bool:
        return True

    __hash__ = int.__hash__


PROTECTIONS = {
    "guard": Protection(
        "more may not go in one run than the limit",
        _replaced("jit_corps.plan", "guard", lambda *_: ()),
        (f"{HERE}test_i03_guard.py::test_a_shrink_is_withheld_and_the_rest_passes",),
    ),
    "never empty": Protection(
        "the last member and the last department stay",
        _replaced("jit_corps.guard", "NEVER_EMPTY", frozenset()),
        (f"{HERE}test_i03_guard.py::test_the_last_one_stays",),
    ),
    "one limit a day": Protection(
        "what goes in small portions is one sum",
        _replaced("jit_corps.recent:RecentRemovals", "__call__", lambda _self, _kind: 0),
        (f"{HERE}test_i03_guard.py::test_runs_of_a_day_share_one_limit",),
    ),
    "tombstone": Protection(
        "what was read singly is newer than a full reading that began before",
        _no_observations,
        (f"{HERE}test_i08_no_resurrection.py::test_deleted_during_a_full_reading",),
    ),
    "fence": Protection(
        "who lost the claim cannot publish",
        _no_fence,
        (f"{HERE}test_i09_one_writer_fenced.py::test_stopped_at_any_statement_and_overtaken",),
    ),
    "lease": Protection(
        "a claim that is held keeps others out",
        _replaced("jit_corps.holders", "is_gone", lambda _holder: True),
        (f"{HERE}test_i09_one_writer_fenced.py::test_a_claim_lasts_as_long_as_its_lease",),
    ),
    "one clock": Protection(
        "machines whose clocks differ do not overtake each other",
        _replaced("jitcore.storage.server_clock:ServerClock", "__call__", lambda self: self._machine()),
        (f"{HERE}test_i09_one_writer_fenced.py::test_machines_whose_clocks_differ",),
    ),
    "second look": Protection(
        "who is not listed is asked for again",
        _no_second_look,
        (f"{HERE}test_i04_absence_is_confirmed.py::test_only_a_clear_answer_takes_somebody_away",),
    ),
    "scope check": Protection(
        "under another visible range absence says nothing",
        _any_scope_is_the_same,
        (f"{HERE}test_i05_scope_is_not_resignation.py::test_a_range_that_shrinks_between_runs",),
    ),
    "scope read twice": Protection(
        "a range that changes during a reading is noticed",
        _scope_is_read_once,
        (f"{HERE}test_i05_scope_is_not_resignation.py::test_a_range_that_shrinks_at_any_call",),
    ),
    "failed calls fail": Protection(
        "a call that failed is no empty list",
        _failed_lists_are_empty,
        (
            f"{HERE}test_i02_incomplete_removes_nobody.py::test_the_quota_is_used_up_on_page_37_of_60",
            f"{HERE}test_i02_incomplete_removes_nobody.py::test_every_fault_at_every_call",
        ),
    ),
    "incomplete protection": Protection(
        "of what was read in part nothing goes",
        _replaced("jit_corps.comparing", "_protected", lambda _snapshot: frozenset()),
        (
            f"{HERE}test_i14_ownership.py::test_tags_at_wecom",
            "tests/jit_corps/test_plan.py::test_an_incomplete_snapshot_removes_nothing",
        ),
    ),
    "missing is not cleared": Protection(
        "a name that is not told stays",
        _missing_is_cleared,
        (f"{HERE}test_i05_scope_is_not_resignation.py::test_rights_that_vanish",),
    ),
    "manual ownership": Protection(
        "who was taken offline by hand stays offline",
        _manual_offline_is_upstreams,
        (f"{HERE}test_i14_ownership.py::test_three_ways_of_a_status",),
    ),
    "protected members": Protection(
        "whom a person keeps active no sync takes offline",
        _replaced("jit_corps.pins", "keeps_active", lambda _row: False),
        (f"{HERE}test_i14_ownership.py::test_three_ways_of_a_protected_member",),
    ),
    "pinned fields": Protection(
        "what a person pinned upstream does not change",
        _replaced("jit_corps.pins", "told", lambda row, _old, _record: row),
        (f"{HERE}test_i14_ownership.py::test_three_ways_of_a_pinned_field",),
    ),
    "replanning": Protection(
        "a plan is published over the generation that it was made for",
        _stale_plans_are_published,
        (f"{HERE}test_i15_plan_is_the_truth.py::test_a_plan_that_was_overtaken_is_refused",),
    ),
    "one transaction": Protection(
        "a run is published whole",
        _replaced("jitcore.storage.store:Storage", "transaction", lambda _self, _rows=0: nullcontext()),
        (f"{HERE}test_i01_atomic_for_readers.py::test_a_failing_database_leaves_one_of_both",),
    ),
    "merging": Protection(
        "somebody listed twice is one person",
        _replaced("jit_corps.parts", "merged", lambda snapshot: snapshot),
        (f"{HERE}test_i06_idempotent_and_order_free.py::test_somebody_told_five_times_is_one_person",),
    ),
    "renames": Protection(
        "a person goes along to a new id",
        _replaced("jit_corps.parts", "find_renames", lambda *_: ({}, ())),
        (f"{HERE}test_i13_identity_is_continuous.py::test_a_rename_among_other_news",),
    ),
    "encrypted ids": Protection(
        "who has another kind of id is no stranger",
        _replaced("jit_qywx.reading:_Reading", "_find_renames", lambda *_: frozenset()),
        (f"{HERE}test_i13_identity_is_continuous.py::test_all_ids_become_encrypted_ones",),
    ),
    "strangers": Protection(
        "an organisation of nobody known here is another enterprise's",
        _replaced("jit_corps.plan", "check_known", lambda *_: None),
        (f"{HERE}test_i10_credentials_fail_safe.py::test_a_token_of_another_enterprise",),
    ),
    "somebody again": Protection(
        "lists that tell again of nobody say nothing of whose they are",
        _replaced("jit_corps.differing", "_is_anybody_known", lambda repeats: bool(repeats.departments)),
        (f"{HERE}test_i10_credentials_fail_safe.py::test_a_token_of_another_enterprise_without_anybody_in_the_root",),
    ),
    "one enterprise a reading": Protection(
        "a token that follows another one in a reading is the same enterprise's",
        _replaced("jit_qywx.client.proven_tokens:ProvenTokens", "_own", lambda _self, token: token),
        (f"{HERE}test_i10_credentials_fail_safe.py::test_a_first_reading_is_of_one_enterprise",),
    ),
    "one enterprise a checkpoint": Protection(
        "what one token read is not put together with what another enterprise's reads",
        _replaced("jit_qywx.walk", "is_vouched_for", lambda *_: True),
        (f"{HERE}test_i10_credentials_fail_safe.py::test_a_checkpoint_and_a_token_of_another_enterprise",),
    ),
    "others are here": Protection(
        "where nobody who is here is found, nobody is taken for gone",
        _replaced("jit_qywx.reading_targets", "is_known", lambda *_: True),
        (f"{HERE}test_i10_credentials_fail_safe.py::test_an_event_and_a_token_of_another_enterprise",),
    ),
    "accounts by enterprise": Protection(
        "one userid in two enterprises is two people",
        _replaced("jit_corps.plan_members", "user_id", lambda _corp, memberId: memberId),
        (f"{HERE}test_i13_identity_is_continuous.py::test_one_userid_in_two_enterprises",),
    ),
    "vanished departments": Protection(
        "a department that vanishes costs one more listing and stops nothing",
        _replaced("jit_qywx.walk", "_NO_DEPARTMENT", frozenset()),
        (f"{HERE}test_i12_any_graph_is_a_forest.py::test_a_department_that_vanishes_at_any_call",),
    ),
    "circuit breaker": Protection(
        "a refused secret is not sent again",
        _replaced("jit_qywx.client.tokens:TokenStore", "_told", lambda _self, _error: None),
        (f"{HERE}test_i10_credentials_fail_safe.py::test_a_wrong_suite_secret_is_sent_once",),
    ),
    "token renewal": Protection(
        "a token that died is replaced once",
        _replaced("jit_qywx.client.retries:Retries", "token_refused", lambda _self, _error: False),
        (f"{HERE}test_i10_credentials_fail_safe.py::test_a_token_that_dies_at_any_call",),
    ),
    "secret masking": Protection(
        "what WeCom echoes of a secret is struck out",
        _no_masking,
        ("tests/jit_qywx/test_canaries.py::test_echoed_secrets_are_struck_out",),
    ),
    "durable acknowledgement": Protection(
        "what WeCom was told we have is stored",
        _acknowledged_unstored,
        (f"{HERE}test_i08_no_resurrection.py::test_killed_between_the_acknowledgement_and_the_work",),
    ),
    "file proof": Protection(
        "a file of an export is what WeCom made",
        _replaced("jit_qywx.client.downloads", "_check", lambda _store, _link: None),
        (f"{HERE}test_i02_incomplete_removes_nobody.py::test_an_export_is_believed_only_as_far_as_it_is_proven",),
    ),
    "exports are doubted": Protection(
        "an export that leaves out somebody who is there is not believed",
        _replaced("jit_qywx.export_listing:ExportListing", "check", lambda _self, _found: None),
        (f"{HERE}test_i02_incomplete_removes_nobody.py::test_an_export_is_believed_only_as_far_as_it_is_proven",),
    ),
    "second export": Protection(
        "an export that leaves out many newcomers is not believed, and a few are asked for",
        _replaced("jit_qywx.export_listing:ExportListing", "left_out", lambda _self, _listed: []),
        (f"{HERE}test_i02_incomplete_removes_nobody.py::test_newcomers_in_a_file_that_is_missing",),
    ),
    "quotas": Protection(
        "no minute and no hour holds more calls than WeCom answers",
        _replaced("jit_qywx.client.ledger:Ledger", "_room", lambda *_: 1_000_000),
        ("tests/jit_qywx/test_ledger.py::test_no_window_holds_more_than_the_quota",),
    ),
    "parking": Protection(
        "an enterprise whose quota is used up is not asked",
        _replaced("jit_qywx.quotas:Quotas", "check", lambda _self, _corpId: None),
        ("tests/jit_qywx/test_quotas.py::test_a_parked_enterprise_is_not_asked",),
    ),
    "age of a resumed reading": Protection(
        "a reading that uses pages of an interrupted one is as old as they are",
        lambda: _put("jit_corps.checkpoints:Checkpoint", "oldest", property(lambda _: None, lambda *_: None)),
        (f"{HERE}test_i11_limits_and_fairness.py::test_who_was_deleted_while_a_reading_was_interrupted",),
    ),
    "touched since": Protection(
        "a list that says what it said is believed of nobody whom events or people touched since",
        _nobody_was_touched,
        ("tests/jit_qywx/test_fingerprints.py::test_whoever_an_event_or_a_person_touched_is_compared",),
    ),
    "published whole": Protection(
        "only lists that were published whole are believed to say the same",
        _lists_are_always_believed,
        ("tests/jit_qywx/test_fingerprints.py::test_what_was_not_published_whole_is_not_believed",),
    ),
    "a day of belief": Protection(
        "once a day everything is compared",
        _replaced("jit_corps.recall", "KEPT_SECONDS", 1e9),
        ("tests/jit_qywx/test_fingerprints.py::test_after_a_day_everybody_is_compared",),
    ),
    "as many as were told": Protection(
        "a list is believed only of a department that has as many members here as it told",
        _counts_agree,
        ("tests/jit_qywx/test_fingerprints.py::test_a_place_that_somebody_deleted_by_hand_is_put_back",),
    ),
    "who is not repeated": Protection(
        "who is missing from a list that repeats all others is noticed",
        _nobody_differs,
        ("tests/jit_qywx/test_fingerprints.py::test_who_is_missing_from_a_list_that_repeats_the_others_is_noticed",),
    ),
    "keyed digests": Protection(
        "without the key nobody can try numbers by the digests of lists",
        _digests_need_no_key,
        ("tests/jit_qywx/test_fingerprints.py::test_another_key_makes_everybody_compared",),
    ),
    "pages that wait": Protection(
        "a reading whose quota is used up goes on where it stopped when the hour is over",
        _replaced("jit_corps.checkpoints:Checkpoint", "_keep_until", lambda *_: False),
        (f"{HERE}test_i11_limits_and_fairness.py::test_a_reading_whose_quota_is_used_up_goes_on_after_the_hour",),
    ),
    "age of a page": Protection(
        "what was read half an hour ago is read again",
        _replaced("jit_corps.checkpoints", "KEPT_SECONDS", 1e9),
        (f"{HERE}test_i11_limits_and_fairness.py::test_a_checkpoint_that_may_not_be_used",),
    ),
}
