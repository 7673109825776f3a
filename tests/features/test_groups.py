"""Protected attributes come as groups of people, not as one birthday each."""

from collections import Counter

import pytest

from features.groups import banded


def people(*values: str) -> dict[str, str]:
    return {f"p{k}": value for k, value in enumerate(values)}


def test_a_few_words_or_numbers_stay_as_they_are() -> None:
    few = people("f", "m", "x", "1", "2")
    assert banded(few) == few


def test_ages_come_in_bands_of_ten_years_open_at_both_ends() -> None:
    ages = people(*(str(age) for age in range(18, 93)))
    bands = banded(ages)
    assert bands["p0"] == "19 or less"
    assert bands["p2"] == "20 to 29"
    assert bands["p74"] == "90 or more"
    assert len(set(bands.values())) == 9


def test_dates_of_birth_come_as_decades() -> None:
    born = people(*(f"{year}-03-01" for year in range(1950, 2006)))
    assert banded(born)["p35"] == "1980 to 1989"


def test_numbers_with_decimals_say_where_a_band_ends() -> None:
    shares = people(*(f"{k / 100:.2f}" for k in range(100)))
    bands = banded(shares)
    assert (bands["p55"], bands["p30"]) == ("0.5 to under 0.6", "0.3 to under 0.4")


def test_one_wild_value_does_not_push_everyone_into_one_band() -> None:
    incomes = people(*(str(1000 * k) for k in range(10, 200)), "9999999")
    assert max(Counter(banded(incomes).values()).values()) < 40


@pytest.mark.parametrize("odd", ["not stated", "nan", "inf"])
def test_numbers_mixed_with_words_are_not_banded(odd: str) -> None:
    mixed = people(*(str(k) for k in range(20)), odd)
    assert banded(mixed) == mixed
