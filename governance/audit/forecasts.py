"""What the audit report says of amounts and categories, for targets that foretell them."""

from collections.abc import Sequence

from governance.audit.format import NOT_ESTIMABLE, Rows, percent, signed, words
from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.model.forecasts import CategoryErrors, CategoryResult, ValueErrors, ValueResult

_METHODS = {
    "trees": "boosted trees on top of a line in the person's own past",
    "own_rule": "a line in the person's own past: trees did no better",
    "own_shares": "the person's own shares, mixed with everyone's: trees did no better",
    "mean": "everyone's mean: nothing told people apart",
    "shares": "everyone's shares: nothing told people apart",
}


def forecast_tables(facts: ModelFacts) -> dict[str, Rows | str]:
    """Give sentences and tables of the amount and the category; empty where there is none."""
    return {**_value(facts.value), **_categories(facts.categories)}


def _value(found: ValueResult | None) -> dict[str, Rows | str]:
    if found is None:
        return {"value_text": "", "value_rows": [], "value_difference_rows": []}
    text = (
        f"For each of {found.n:,} customers it said an amount to expect, in the home's currency; "
        f"{found.with_event:,} of them then brought any. On average it was {_money(found.mean)}. "
        f"The amount comes from {_METHODS.get(found.method, words(found.method))}. The 90 % "
        f"interval held the amount of {percent(found.coverage)} % of people."
    )
    rows = [_value_row("this model", found.ours)]
    rows += [_value_row(words(name), each) for name, each in found.baselines.items()]
    differences: Rows = [
        (
            words(name),
            signed(found.mae_differences[name], "+.3g"),
            signed(found.rmse_differences[name], "+.3g"),
        )
        for name in found.mae_differences
    ]
    return {"value_text": text, "value_rows": rows, "value_difference_rows": differences}


def _categories(found: CategoryResult | None) -> dict[str, Rows | str]:
    if found is None:
        return {"category_text": "", "category_rows": [], "category_difference_rows": []}
    text = (
        f"For {found.n:,} customers with the event it named the likeliest of {found.categories} "
        f"categories. They come from {_METHODS.get(found.method, words(found.method))}."
    )
    rows = [_category_row("this model", found.ours)]
    rows += [_category_row(words(name), each) for name, each in found.baselines.items()]
    differences: Rows = [
        (words(name), signed(each, "+.3g")) for name, each in found.differences.items()
    ]
    return {"category_text": text, "category_rows": rows, "category_difference_rows": differences}


def _value_row(name: str, found: ValueErrors) -> Sequence[object]:
    return (
        name,
        _money(found.mae),
        _money(found.rmse),
        percent(found.bias),
        _plain(found.top_tenth),
        _plain(found.gini),
    )


def _category_row(name: str, found: CategoryErrors) -> Sequence[object]:
    return (name, percent(found.top_1), percent(found.top_3), _plain(found.log_loss))


def _money(found: Interval | None) -> str:
    if found is None:
        return NOT_ESTIMABLE
    return f"{found.value:,.2f} [{found.low:,.2f}, {found.high:,.2f}]"


def _plain(found: Interval | None) -> str:
    return NOT_ESTIMABLE if found is None else str(found)
