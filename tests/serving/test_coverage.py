"""How many people permit what: no two outputs, of any two days, tell of a few."""

from itertools import combinations

from serving.permission.consents import withdraw
from serving.permission.coverage import Coverage, read_coverage
from tests.serving.conftest import Shop

PEOPLE = [f"c{number:02}" for number in range(40)]


def permit(shop: Shop, purpose: str, *, first: int, last: int = 0) -> None:
    for who in PEOPLE[last:first]:
        shop.permit(who, purpose)


def coverage(shop: Shop) -> Coverage:
    return read_coverage(shop.keepwell, now=shop.clock())


def line(found: Coverage, purpose: str) -> tuple[int | None, dict[str, int | None]]:
    [each] = [each for each in found.purposes if each.purpose == purpose]
    return each.permitted, dict(each.refused)


def test_counts_say_how_many_and_why_the_others_do_not(shop: Shop) -> None:
    permit(shop, "research_text", first=40)
    permit(shop, "risk_scoring", first=25)
    for who in PEOPLE[:10]:
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
    found = coverage(shop)
    assert found.people == 40
    assert line(found, "risk_scoring") == (15, {"no_record": 15, "withdrawn": 10})
    assert line(found, "wellbeing_inference") == (0, {"no_record": 40})


def test_a_few_who_permit_are_not_counted_nor_told_by_the_rest(shop: Shop) -> None:
    permit(shop, "research_text", first=40)
    permit(shop, "outreach.sms", first=3)
    assert line(coverage(shop), "outreach.sms") == (None, {"no_record": None})


def test_two_purposes_do_not_tell_of_the_few_between_them(shop: Shop) -> None:
    permit(shop, "research_text", first=40)
    permit(shop, "risk_scoring", first=20)
    permit(shop, "model_training", first=22)
    found = coverage(shop)
    shown = [line(found, purpose)[0] for purpose in ("risk_scoring", "model_training")]
    assert shown.count(None) == 1


def test_one_withdrawal_does_not_show_from_one_day_to_the_next(shop: Shop) -> None:
    permit(shop, "research_text", first=40)
    permit(shop, "risk_scoring", first=26)
    for who in PEOPLE[:6]:
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
    before = line(coverage(shop), "risk_scoring")
    assert before == (20, {"no_record": 14, "withdrawn": 6})
    withdraw(shop.keepwell, "c06", "risk_scoring", actor="customer", clock=shop.clock)
    shop.pass_days(1)
    assert line(coverage(shop), "risk_scoring") == before
    for who in PEOPLE[7:14]:
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
    assert line(coverage(shop), "risk_scoring") == (12, {"no_record": 14, "withdrawn": 14})


def test_no_pair_of_counts_of_many_days_differs_by_a_few(shop: Shop) -> None:
    """People leave one by one; every count that is ever given is one of few, far apart."""
    permit(shop, "research_text", first=40)
    permit(shop, "risk_scoring", first=30)
    given: dict[str, set[int]] = {}
    for who in PEOPLE[:24]:
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
        permitted, refused = line(coverage(shop), "risk_scoring")
        for answer, number in {"permitted": permitted, **refused}.items():
            if number is not None:
                given.setdefault(answer, set()).add(number)
    assert len(given["permitted"]) > 2
    for numbers in given.values():
        assert all(abs(a - b) >= 5 for a, b in combinations(numbers, 2))


def test_fewer_than_five_people_are_not_counted_at_all(shop: Shop) -> None:
    permit(shop, "research_text", first=4)
    found = coverage(shop)
    assert found.people is None
    assert line(found, "research_text") == (None, {})
    assert found.hides


def test_a_hidden_count_does_not_follow_from_what_is_shown_on_another_day(shop: Shop) -> None:
    permit(shop, "research_text", first=40)
    permit(shop, "risk_scoring", first=28)
    for who in PEOPLE[:4]:
        withdraw(shop.keepwell, who, "risk_scoring", actor="customer", clock=shop.clock)
    first = line(coverage(shop), "risk_scoring")
    assert first[1]["withdrawn"] is None
    for who in PEOPLE[28:34]:
        shop.permit(who, "risk_scoring")
    second = line(coverage(shop), "risk_scoring")
    for permitted, refused in (first, second):
        counts = {"permitted": permitted, **refused}
        assert list(counts.values()).count(None) != 1
    known = {**first[1], "permitted": first[0]}
    known |= {a: n for a, n in {**second[1], "permitted": second[0]}.items() if n is not None}
    assert [n for n in known.values() if n is None] != [None]
