"""What experiments have shown is used to choose: only where enough people were followed."""

import pytest

from serving.trials.shown import shown_effects
from tests.serving.conftest import Shop
from tests.serving.test_trials import NOTE, begun, passed


def test_an_effect_is_how_many_more_stayed_with_its_interval(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated[:90], 20.0)
    made.did("order", made.held[:40], 20.0)
    passed(made, 40)

    [effect] = shown_effects(shop.keepwell, [NOTE.name], now=shop.clock()).values()

    assert effect.experiment == made.name
    assert effect.difference.value == pytest.approx(50 / 120)
    assert effect.helps


def test_harm_is_an_effect_too(shop: Shop) -> None:
    made = begun(shop)
    made.did("order", made.treated[:20], 20.0)
    made.did("order", made.held[:100], 20.0)
    passed(made, 40)

    assert shown_effects(shop.keepwell, [NOTE.name], now=shop.clock())[NOTE.name].harms


@pytest.mark.parametrize(("people", "days"), [(20, 40), (120, 10)])
def test_few_people_and_people_whose_horizon_is_not_over_show_nothing(
    shop: Shop, people: int, days: int
) -> None:
    made = begun(shop, people)
    made.did("order", made.treated, 5.0)
    passed(made, days)

    assert shown_effects(shop.keepwell, [NOTE.name], now=shop.clock()) == {}


def test_a_playbook_without_an_experiment_shows_nothing(shop: Shop) -> None:
    assert shown_effects(shop.keepwell, [NOTE.name], now=shop.clock()) == {}
