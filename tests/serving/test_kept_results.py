"""Results that are kept with their time, beside the figures of the dashboard."""

from datetime import timedelta

from serving.dashboard.shelf import keep, read_layer
from serving.feedback.last_look import last_suggestions, take_suggestions
from serving.kept_results import keep_result, kept_result, kept_results
from serving.reporting.trial_look import last_look, last_looks, newest_looks, take_look, take_looks
from tests.serving.conftest import Shop
from tests.serving.test_trials import begun, passed


def test_a_result_takes_the_place_of_the_one_before(shop: Shop) -> None:
    with shop.keepwell.database.write() as conn:
        for document in ({"n": 1}, {"n": 2}):
            keep_result(conn, "experiment", "note/1", document, now=shop.clock())
        found = kept_result(conn, "experiment", "note/1")
        names = list(kept_results(conn, "experiment"))

    assert found is not None
    assert (found.document, names) == ({"n": 2}, ["note/1"])


def test_a_look_of_the_dashboard_leaves_other_results_alone(shop: Shop) -> None:
    with shop.keepwell.database.write() as conn:
        keep_result(conn, "suggestions", "feedback", [], now=shop.clock())
        keep(conn, (), now=shop.clock())

        assert kept_result(conn, "suggestions", "feedback") is not None
        assert read_layer(conn, "executive") == ()


def test_an_experiment_is_compared_and_the_result_kept_with_its_time(shop: Shop) -> None:
    made = passed(begun(shop, 40), 95)
    taken = take_look(shop.keepwell, made.name, now=shop.clock())
    with shop.keepwell.database.read() as conn:
        kept = last_look(conn, made.name)

    assert kept is not None
    assert kept.lift is not None
    assert kept.lift["treated"] == 40
    assert kept.taken_at == taken.taken_at


def test_what_is_over_is_compared_once(shop: Shop) -> None:
    made = passed(begun(shop, 40), 95)
    shop.pass_days(100)
    first = shop.clock()
    assert take_looks(shop.keepwell, now=first) == 1
    shop.clock.now += timedelta(days=1)

    assert take_looks(shop.keepwell, now=shop.clock()) == 0
    with shop.keepwell.database.read() as conn:
        assert last_looks(conn)[made.name].taken_at == first


def test_what_runs_is_compared_once_a_day(shop: Shop) -> None:
    made = begun(shop, 40)
    assert take_looks(shop.keepwell, now=shop.clock()) == 1
    assert take_looks(shop.keepwell, now=shop.clock()) == 0
    shop.pass_days(1)
    assert take_looks(shop.keepwell, now=shop.clock()) == 1
    [newest] = newest_looks(shop.keepwell, now=shop.clock())
    with shop.keepwell.database.read() as conn:
        assert last_looks(conn)[made.name].taken_at == newest.taken_at


def test_suggestions_are_kept_as_they_were_found(regular: Shop) -> None:
    with regular.keepwell.database.read() as conn:
        assert last_suggestions(conn) is None
    taken = take_suggestions(regular.keepwell, now=regular.clock())
    with regular.keepwell.database.read() as conn:
        kept = last_suggestions(conn)

    assert kept == taken
