"""How far Keepwell goes by itself: the lower of what is asked for and what evidence unlocked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from governance.errors import GateRefused, InvalidInput, NotFound, PermissionRefused
from governance.intervals import wilson
from governance.log.ledger import entries
from governance.signing.keys import create_enrolment_key
from serving.access.auth import create_key
from serving.database import Database
from serving.interventions.choosing.mode_evidence import (
    ActEvidence,
    Tried,
    assessment,
    require_enough,
)
from serving.interventions.policy.modes import (
    list_unlocks,
    lock,
    mode_standing,
    unlock,
    unlocked_mode,
)
from serving.interventions.tables import mode_unlocks
from serving.settings import Mode
from tests.serving.conftest import Shop
from tests.serving.interventions.conftest import NOON, Company, make_desk
from tests.serving.unlocked import ASSESSED, SUFFICIENT

ENOUGH = ActEvidence(
    advise_unlocked=True,
    fairness_required=True,
    models={"d" * 64: "pass"},
    decided=40,
    override_rate=wilson(6, 40),
    median_seconds=35.0,
    quick_rate=wilson(2, 40),
    experiments=(Tried("note/2026-06-01", 120, 30, 2, None, halted=False),),
)


@pytest.fixture
def locked(sqlite_database: Database) -> Company:
    """Give a production company whose settings say act and that unlocked nothing."""
    demo = make_desk(sqlite_database, home_kind="demo")
    return Company(replace(demo, policy=replace(demo.policy, home_kind="production")))


def key_of(company: Company, *, vouched: bool = True) -> tuple[str, str]:
    with company.desk.database.write() as conn:
        ledger = company.desk.ledger
        secret = create_enrolment_key(conn, ledger, now=company.now) if vouched else None
        made = create_key(
            conn, ledger, ["audit:sign"],
            owner="Ruth", now=company.now, enrolment_secret=secret,
        )  # fmt: skip
    return made.key_id, made.key.split("_", 2)[2]


def unlocks(company: Company, mode: Mode, key: tuple[str, str]) -> None:
    figures = ASSESSED if mode == "advise" else SUFFICIENT
    with company.desk.database.write() as conn:
        unlock(
            conn, company.desk.ledger, mode, figures,
            key_id=key[0], secret=key[1], now=company.now,
        )  # fmt: skip


def mode_of(company: Company) -> Mode:
    with company.desk.database.read() as conn:
        return unlocked_mode(conn, home_kind="production")


def test_a_home_that_unlocked_nothing_observes_whatever_its_settings_say(locked: Company) -> None:
    locked.agrees("ana")

    assert locked.runs("ana").refused == {"mode_observe": 1}


def test_unlocking_advise_makes_contacts_wait_for_a_person(locked: Company) -> None:
    locked.agrees("ana")
    unlocks(locked, "advise", key_of(locked))

    run = locked.runs("ana")

    assert [each.status for each in run.assigned] == ["proposed"]
    assert run.mode.effective == "advise"
    assert "act is not unlocked" in run.mode.why


def test_act_without_advise_unlocks_nothing(locked: Company) -> None:
    unlocks(locked, "act", key_of(locked))

    assert mode_of(locked) == "observe"


def test_locking_takes_effect_at_the_next_run(small_company: Company) -> None:
    small_company.agrees("ana", "ben")
    small_company.runs("ana")
    with small_company.desk.database.write() as conn:
        lock(conn, small_company.desk.ledger, "act", reason="too many complaints", now=NOON)

    assert [each.status for each in small_company.runs("ben").assigned] == ["proposed"]


def test_what_is_not_unlocked_cannot_be_locked(locked: Company) -> None:
    with locked.desk.database.write() as conn, pytest.raises(NotFound, match="is not unlocked"):
        lock(conn, locked.desk.ledger, "act", reason="", now=NOON)


def test_a_key_nobody_vouches_for_unlocks_nothing(locked: Company) -> None:
    with pytest.raises(PermissionRefused, match="nobody vouches"):
        unlocks(locked, "advise", key_of(locked, vouched=False))


def test_a_secret_of_another_key_unlocks_nothing(locked: Company) -> None:
    key_id, _ = key_of(locked)

    with pytest.raises(PermissionRefused, match="not an enrolled signing key"):
        unlocks(locked, "advise", (key_id, "another secret altogether"))


def test_a_row_written_by_hand_unlocks_nothing(locked: Company) -> None:
    key_id, _ = key_of(locked)
    evidence = {"figures": SUFFICIENT, "key_id": key_id, "signature": "00" * 64}
    row = {"unlocked_at": NOON, "unlocked_by": "Ruth", "evidence": json.dumps(evidence)}
    with locked.desk.database.write() as conn:
        for mode in ("advise", "act"):
            conn.execute(insert(mode_unlocks), row | {"unlock_id": mode, "mode": mode})

    assert mode_of(locked) == "observe"


def test_figures_changed_afterwards_unlock_nothing(locked: Company) -> None:
    unlocks(locked, "advise", key_of(locked))
    with locked.desk.database.write() as conn:
        text = conn.execute(select(mode_unlocks.c.evidence)).scalar_one()
        conn.execute(update(mode_unlocks).values(evidence=text.replace("2000", "9000")))

    assert mode_of(locked) == "observe"


def test_the_log_holds_the_hash_of_the_assessment(locked: Company) -> None:
    unlocks(locked, "advise", key_of(locked))
    with locked.desk.database.read() as conn:
        [entry] = [each for each in entries(conn) if each.kind == "mode_unlocked"]

    assert json.loads(entry.body)["assessment_sha256"] == ASSESSED["assessment_sha256"]


@pytest.mark.parametrize(
    ("home_kind", "stated", "effective"),
    [
        ("demo", "act", "act"),
        ("demo", "observe", "observe"),
        ("evaluation", "act", "observe"),
        ("production", "act", "observe"),
        ("production", "observe", "observe"),
    ],
)
def test_a_demo_counts_as_unlocked_and_an_evaluation_home_never_acts(
    locked: Company, home_kind: str, stated: Mode, effective: Mode
) -> None:
    with locked.desk.database.read() as conn:
        assert mode_standing(conn, home_kind=home_kind, stated=stated).effective == effective


def test_enough_evidence_lacks_nothing() -> None:
    assert ENOUGH.missing() == ()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"advise_unlocked": False}, "advise is not unlocked"),
        ({"models": {}}, "no approved model serves"),
        ({"models": {"d" * 64: "not_assessed"}}, "is not_assessed, it must pass"),
        ({"decided": 29}, "decided 29 proposals, at least 30"),
        ({"median_seconds": 3.0}, "less is a rubber stamp"),
        ({"median_seconds": None}, "nobody opened a proposal"),
        ({"experiments": ()}, "no experiment with 30 people in each arm"),
        ({"experiments": (Tried("n", 99, 29, 2, None, halted=False),)}, "no experiment with 30"),
        ({"experiments": (Tried("n", 99, 40, 0, None, halted=False),)}, "was looked at"),
        ({"experiments": (Tried("n", 99, 40, 2, "harm", halted=True),)}, "was stopped for harm"),
    ],
)
def test_what_is_missing_is_named(changed: dict[str, object], named: str) -> None:
    with pytest.raises(GateRefused, match=named):
        require_enough(ENOUGH._replace(**changed))  # type: ignore[arg-type]


def test_fairness_is_asked_for_unless_the_company_decided_otherwise() -> None:
    waived = ENOUGH._replace(models={"d" * 64: "not_assessed"}, fairness_required=False)

    assert waived.missing() == ()


def test_an_assessment_of_a_few_words_is_none(tmp_path: Path) -> None:
    (tmp_path / "dpia.md").write_text("All is well.")

    with pytest.raises(InvalidInput, match="an impact assessment needs 500"):
        assessment(tmp_path / "dpia.md")


def test_act_is_refused_with_all_that_is_missing_at_once(regular: Shop, tmp_path: Path) -> None:
    from serving.mode_desk import unlock_act, unlock_advise

    (tmp_path / "dpia.md").write_text("Who is concerned, what could go wrong. " * 30)
    secret = regular.enrolment_secret
    with regular.keepwell.database.write() as conn:
        key = create_key(
            conn, regular.keepwell.ledger, ["audit:sign"],
            owner="Ruth", now=regular.clock(), enrolment_secret=secret,
        ).key  # fmt: skip
    unlock_advise(regular.keepwell, tmp_path / "dpia.md", key=key, now=regular.clock())

    with pytest.raises(GateRefused) as refused:
        unlock_act(regular.keepwell, key=key, now=regular.clock())

    assert [reason.split()[0] for reason in refused.value.reasons] == ["fairness", "people", "no"]
    with regular.keepwell.database.read() as conn:
        assert [each.mode for each in list_unlocks(conn)] == ["advise"]
