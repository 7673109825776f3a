"""A request sent again under its Idempotency-Key: the first answer, and nothing done twice."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from serving.record import kept_answers
from serving.record.kept_answers import CLAIMED_FOR, KEPT_FOR
from serving.rights import complaints as complaints_desk
from serving.rights.retention import apply_if_due
from serving.settings import Settings
from tests.serving.conftest import Clock, Shop
from tests.serving.dying_answers import DYING, complain_and_die
from tests.serving.homes import new_home
from tests.serving.test_api import Crm
from tests.serving.test_review_queue import case_of
from tests.serving.workbench import empty_database

SORRY = {"category": "contact", "text": "too many letters"}
COMPLAINTS = "/v1/customers/ann/complaints"


def post(crm: Crm, path: str, key: str, body: object = None) -> httpx.Response:
    answer: httpx.Response = crm.http.post(path, json=body, headers={"Idempotency-Key": key})
    return answer


def replayed(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("idempotency-replayed") == "true")


def rows(shop: Shop, query: str) -> list[Any]:
    with shop.keepwell.database.read() as conn:
        return list(conn.execute(text(query)).all())


def complaints(shop: Shop) -> int:
    return int(rows(shop, "SELECT count(*) FROM complaints")[0][0])


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """Give a home where Ann ordered, on either database."""
    settings = Settings()
    if request.param == "postgres":
        settings = Settings(database_url=empty_database(request, "once"))
    clock = Clock()
    shop = Shop(new_home(tmp_path / "home", settings, now=clock()), clock)
    shop.order("ann", 80, 60, 40)
    yield shop
    shop.keepwell.close()


def test_the_second_time_gives_the_first_answer_and_does_nothing(either: Shop) -> None:
    crm = Crm(either)
    first, second = (post(crm, COMPLAINTS, "k1", SORRY) for _ in range(2))
    assert (first.status_code, replayed(first)) == (202, False)
    assert (second.status_code, replayed(second)) == (202, True)
    assert second.json() == first.json()
    assert complaints(either) == 1


def test_another_worker_gives_the_first_answer_too(either: Shop) -> None:
    key = either.key("admin")
    with_key = {"Authorization": f"Bearer {key}"}
    first, second = (
        Crm(either).http.post(COMPLAINTS, json=SORRY, headers={**with_key, "Idempotency-Key": "k1"})
        for _ in range(2)
    )
    assert (replayed(second), second.json()) == (True, first.json())


def test_at_the_same_time_it_is_done_once(either: Shop) -> None:
    crm = Crm(either)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: post(crm, COMPLAINTS, "k1", SORRY), range(16)))
    assert complaints(either) == 1
    assert {each.status_code for each in found} <= {202, 409, 429}
    told = {each.json()["complaint_id"] for each in found if each.status_code == 202}
    assert len(told) == 1
    assert all(each.headers["retry-after"] for each in found if each.status_code == 409)


@pytest.mark.parametrize(
    ("path", "body"),
    [(COMPLAINTS, {**SORRY, "text": "too few"}), ("/v1/customers/bob/complaints", SORRY)],
)
def test_the_same_key_with_another_request_is_a_mistake(
    regular: Shop, path: str, body: dict[str, str]
) -> None:
    crm = Crm(regular)
    post(crm, COMPLAINTS, "k1", SORRY)
    answer = post(crm, path, "k1", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "a b", "ä", "k" * 256, "a\tb"])
def test_a_key_that_is_none_is_a_mistake(regular: Shop, key: str) -> None:
    crm = Crm(regular)
    header = {"Idempotency-Key": key.encode()}
    assert crm.http.post(COMPLAINTS, json=SORRY, headers=header).status_code == 422
    assert complaints(regular) == 0


def test_keys_of_two_callers_are_two_keys(regular: Shop) -> None:
    for crm in (Crm(regular), Crm(regular)):
        assert not replayed(post(crm, COMPLAINTS, "k1", SORRY))
    assert complaints(regular) == 2


def test_a_mistake_is_repeated_as_well(regular: Shop) -> None:
    crm = Crm(regular)
    first, second = (post(crm, "/v1/customers/nobody/complaints", "k1", SORRY) for _ in range(2))
    assert (first.status_code, second.status_code, replayed(second)) == (404, 404, True)
    assert second.json() == first.json()
    assert second.headers["content-type"] == "application/problem+json"


def test_without_the_scope_nothing_is_kept(regular: Shop) -> None:
    assert post(Crm(regular, "score:read"), COMPLAINTS, "k1", SORRY).status_code == 403
    assert rows(regular, "SELECT * FROM kept_answers") == []


def test_an_accident_is_not_repeated(regular: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    crm = Crm(regular)
    with monkeypatch.context() as broken:
        broken.setattr(complaints_desk, "add_complaint", _fails)
        assert post(crm, COMPLAINTS, "k1", SORRY).status_code == 500
    assert post(crm, COMPLAINTS, "k1", SORRY).status_code == 202


def _fails(*_: object, **__: object) -> None:
    raise RuntimeError("of ann")


def test_a_key_given_back_at_this_moment_is_claimed(
    regular: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, tried = kept_answers._insert, list[bool]()

    def too_late_once(*given: Any) -> bool:
        tried.append(True)
        return len(tried) > 1 and insert(*given)

    monkeypatch.setattr(kept_answers, "_insert", too_late_once)
    assert post(Crm(regular), COMPLAINTS, "k1", SORRY).status_code == 202


def test_after_a_day_it_is_forgotten(regular: Shop) -> None:
    crm = Crm(regular)
    post(crm, COMPLAINTS, "k1", SORRY)
    regular.clock.now += KEPT_FOR
    assert not replayed(post(crm, COMPLAINTS, "k1", SORRY))
    regular.clock.now += KEPT_FOR
    apply_if_due(regular.keepwell, now=regular.clock())
    assert rows(regular, "SELECT * FROM kept_answers") == []


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(
    ("point", "status", "done"), [("before", 202, 1), ("after", 409, 1)], ids=DYING
)
def test_killed_on_the_way_it_is_done_once(
    regular: Shop, point: str, status: int, done: int
) -> None:
    key = regular.key("admin")
    crm = Crm(regular)
    crm.http.headers["authorization"] = f"Bearer {key}"
    root = str(regular.keepwell.home.root)
    arguments = (root, key, point, COMPLAINTS, SORRY, regular.clock().isoformat())
    child = get_context("fork").Process(target=complain_and_die, args=arguments)
    child.start()
    child.join(timeout=60)
    assert child.exitcode == -signal.SIGKILL
    waiting = post(crm, COMPLAINTS, "k1", SORRY)
    assert (waiting.status_code, waiting.headers["retry-after"]) == (409, "1")
    regular.clock.now += KEPT_FOR / 24
    assert post(crm, COMPLAINTS, "k1", SORRY).status_code == status
    assert complaints(regular) == done


@pytest.mark.parametrize("between", ["claimed anew", "done by then", "forgotten"])
def test_whoever_stood_still_until_the_key_was_claimed_anew_does_nothing(
    either: Shop, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    crm, add, others = Crm(either), complaints_desk.add_complaint, list[httpx.Response]()

    def stands_still(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(complaints_desk, "add_complaint", add)
        either.clock.now += KEPT_FOR if between == "forgotten" else CLAIMED_FOR
        if between == "claimed anew":
            with monkeypatch.context() as broken, ThreadPoolExecutor(1) as other:
                broken.setattr(kept_answers, "let_go", lambda *_, **__: None)
                broken.setattr(complaints_desk, "add_complaint", _fails)
                other.submit(post, crm, COMPLAINTS, "k1", SORRY).result()
        if between == "done by then":
            with ThreadPoolExecutor(1) as other:
                others.append(other.submit(post, crm, COMPLAINTS, "k1", SORRY).result())
        if between == "forgotten":
            apply_if_due(either.keepwell, now=either.clock())
        return add(*given, **named)

    monkeypatch.setattr(complaints_desk, "add_complaint", stands_still)
    answer = post(crm, COMPLAINTS, "k1", SORRY)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert [each.status_code for each in others] == [202] * complaints(either)


def test_an_erasure_takes_the_answers_and_keeps_its_own(either: Shop) -> None:
    crm = Crm(either)
    post(crm, COMPLAINTS, "k1", SORRY)
    first, second = (post(crm, "/v1/customers/ann/erasure", "k2") for _ in range(2))
    assert (first.status_code, second.json(), replayed(second)) == (200, first.json(), True)
    again = post(crm, COMPLAINTS, "k1", SORRY)
    assert (again.status_code, again.json()["code"]) == (409, "answer_not_kept")
    assert "retry-after" not in again.headers
    assert "ann" not in str(rows(either, "SELECT * FROM kept_answers"))
    assert complaints(either) == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/customers/ann/erasure"), ("DELETE", "/v1/customers/ann/consents")],
)
def test_an_answer_that_comes_after_the_person_stopped_is_not_kept(
    regular: Shop, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    crm, add = Crm(regular), complaints_desk.add_complaint

    def stopped_meanwhile(*given: Any, **named: Any) -> Any:
        made = add(*given, **named)
        with ThreadPoolExecutor(1) as other:
            other.submit(crm.http.request, method, path).result().raise_for_status()
        return made

    monkeypatch.setattr(complaints_desk, "add_complaint", stopped_meanwhile)
    assert post(crm, COMPLAINTS, "k1", SORRY).status_code == 202
    assert rows(regular, "SELECT body, customer_id FROM kept_answers") == [(None, None)]
    assert post(crm, COMPLAINTS, "k1", SORRY).status_code == 409


def test_of_someone_erased_not_even_a_no_is_kept(regular: Shop) -> None:
    crm = Crm(regular)
    crm.http.post("/v1/customers/ann/erasure").raise_for_status()
    assert post(crm, COMPLAINTS, "k1", SORRY).status_code == 404
    assert rows(regular, "SELECT body, customer_id FROM kept_answers") == [(None, None)]


def test_no_answer_outlives_a_withdrawal(regular: Shop) -> None:
    case, crm = case_of(regular), Crm(regular)
    intervention = case.runs("advise")
    path, body = f"/v1/interventions/{intervention}/approve", {"reason": "fits them"}
    assert post(crm, path, "k1", body).json()["allowed"] is True
    assert replayed(post(crm, path, "k1", body))
    crm.http.delete("/v1/customers/ann/consents/risk_scoring").raise_for_status()
    assert post(crm, path, "k1", body).status_code == 409
    assert rows(regular, "SELECT body, customer_id FROM kept_answers") == [(None, None)]


def test_an_objection_keeps_its_own_answer(regular: Shop) -> None:
    crm = Crm(regular)
    first, second = (post(crm, "/v1/customers/ann/objection", "k1") for _ in range(2))
    assert (replayed(second), second.json()) == (True, first.json())


def test_of_events_no_name_is_kept(regular: Shop) -> None:
    crm = Crm(regular)
    event = {"customer_id": "ann", "kind": "order", "occurred_at": "2026-05-01T00:00:00Z"}
    sent = {"events": [{**event, "event_id": "ann-77"}, {**event, "kind": ""}, event]}
    first, second = (post(crm, "/v1/events", "k1", sent) for _ in range(2))
    assert (replayed(second), second.json()) == (True, first.json())
    assert [each["event_id"] for each in second.json()["results"]] == ["ann-77", None, None]
    assert "ann" not in str(rows(regular, "SELECT * FROM kept_answers"))


@pytest.mark.parametrize(
    ("ask", "differs"),
    [
        (lambda crm, _: post(crm, "/v1/scores", "k", {"inputs": [{"customer_id": "ann"}]}), True),
        (lambda crm, _: post(crm, "/v1/customers/ann/what-if", "k", {}), True),
        (lambda crm, each: post(crm, f"/v1/interventions/{each}/confirm", "k"), False),
    ],
    ids=["scores", "what-if", "confirm"],
)
def test_what_rests_on_permission_now_is_asked_anew(
    regular: Shop, ask: Callable[[Crm, str], httpx.Response], differs: bool
) -> None:
    crm, each = Crm(regular), case_of(regular).runs()
    first, second = ask(crm, each), ask(crm, each)
    assert (first.status_code, second.status_code) == (200, 200)
    assert (first.content != second.content) == differs
    assert not replayed(second)
    assert rows(regular, "SELECT * FROM kept_answers") == []


def test_what_is_kept_is_in_the_export(regular: Shop) -> None:
    crm = Crm(regular)
    told = post(crm, COMPLAINTS, "k1", SORRY).json()
    [kept] = crm.http.get("/v1/customers/ann/export").json()["kept_answers"]
    assert told["complaint_id"] in kept["body"]
