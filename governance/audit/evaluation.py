"""What the audit report says of an evaluation beyond plain figures: sentences, tables, charts."""

from collections.abc import Sequence

from markupsafe import Markup

from governance.audit.charts import band_chart, comparison_chart, range_chart
from governance.audit.format import Rows, count, percent, points, signed, words
from governance.intervals import Interval
from governance.model.card import ModelFacts
from governance.model.evaluation import CostCurve, Evaluation, Paired, RateAt

NO_COSTS = "Not computed: state [costs] in keepwell.toml."


def evaluation_words(facts: ModelFacts) -> tuple[str, ...]:
    """Give the first page's sentences on returners, season and proposal, where they matter."""
    found, said = facts.evaluation, []
    other = found.other_outcome.get("model")
    if other is not None and facts.test.positives * 2 > facts.test.n:
        said.append(
            f"It comes true for most, so what counts is finding the {other.n:,} for whom it does "
            f"not: the tenth with the lowest scores holds {other.lift_at_10.value:.1f} times as "
            f"many of them as everyone [{other.lift_at_10.low:.1f}, {other.lift_at_10.high:.1f}]."
        )
    if found.season is not None and found.season.shifted:
        gap = found.season.gap
        more = "more" if gap.value > 0 else "less"
        said.append(
            f"The season shifted: in the test it came true {more} often than predicted, by "
            f"{points(gap)} points; the order of customers may stand, but do not take the "
            "probabilities at their word when the season turns."
        )
    if found.proposal is not None and found.proposal.outcome != "first":
        told = {
            "propose": "It is proposed in the place of the signed model",
            "keep_champion": "It is NOT proposed: keep the signed model",
        }[found.proposal.outcome]
        said.append(f"{told}. {found.proposal.reason[:1].upper()}{found.proposal.reason[1:]}.")
    return tuple(said)


def evaluation_tables(facts: ModelFacts) -> dict[str, Rows | str]:
    """Give the tables of section 4 that stand beside the plain figures, row by row."""
    found = facts.evaluation
    champion = found.champion
    return {
        "paired_rows": [(words(name), *_paired(each)) for name, each in found.paired.items()],
        "other_rows": [
            (
                "this model" if name == "model" else words(name),
                str(each.auc),
                str(each.average_precision),
                str(each.lift_at_10),
            )
            for name, each in found.other_outcome.items()
        ],
        "season_rows": _season_rows(found),
        "season_text": ""
        if found.season is None
        else f"observed minus predicted in the test: {points(found.season.gap)} points",
        "segment_rows": [
            (
                each.attribute,
                each.segment,
                count(each.n),
                percent(each.base_rate),
                "not estimable" if each.auc is None else str(each.auc),
                percent(each.ece),
            )
            for each in found.segments
        ],
        "champion_rows": []
        if champion is None or champion.difference is None
        else [(champion.model_digest[:12], *_paired(champion.difference))],
        "champion_text": "" if champion is None else champion.reason,
        "proposal_text": "" if found.proposal is None else found.proposal.reason,
        **_cost_tables(found.costs),
    }


def evaluation_charts(facts: ModelFacts) -> dict[str, Markup]:
    """Draw base rates by season, AUC by segment and net value by share; empty where unmeasured."""
    found = facts.evaluation
    rates: list[tuple[str, Interval]] = []
    if found.season is not None:
        rates = [(each.as_of[:10], each.rate) for each in found.season.training]
        rates.append((f"{found.season.test.as_of[:10]} (test)", found.season.test.rate))
    areas = [
        (f"{each.attribute}: {each.segment}", each.auc)
        for each in found.segments
        if each.auc is not None
    ]
    costs = found.costs
    return {
        "season": range_chart(rates),
        "segments": comparison_chart(areas, low=0.4, high=1.0) if areas else Markup(""),
        "costs": Markup("")
        if costs is None
        else band_chart(
            [(each.share, each.model) for each in costs.curve],
            [(each.share, each.rule) for each in costs.curve if each.rule is not None],
            label=f"Net value in {costs.currency} against the share contacted, with its 95 % band; "
            "dashed: the recency rule",
        ),
    }


def _cost_tables(costs: CostCurve | None) -> dict[str, Rows | str]:
    if costs is None:
        return {"cost_text": NO_COSTS, "assumption_rows": [], "net_rows": [], "curve_rows": []}
    share = costs.share
    text = (
        f"By the figures below, contacting the top {percent(share)} % is worth it, a share chosen "
        f"on training rows; in hindsight the best would have been {percent(costs.best_share)} %. "
        "Whether contacting keeps anyone only an experiment can say."
    )
    net: Rows = [
        ("contact nobody", "0"),
        ("contact the chosen share", _money(costs.net)),
        ("contact everyone", _money(costs.everyone)),
        ("chosen share minus everyone", _money(costs.over_everyone)),
    ]
    if costs.over_rule is not None:
        net.append(("this model minus the recency rule, same share", _money(costs.over_rule)))
    return {
        "cost_text": text,
        "assumption_rows": [(words(a.name), a.value, a.source) for a in costs.assumptions],
        "net_rows": net,
        "curve_rows": [
            (
                f"{100 * each.share:.0f}",
                _money(each.model),
                "none" if each.rule is None else _money(each.rule),
            )
            for each in costs.curve
        ],
    }


def _season_rows(found: Evaluation) -> Rows:
    if found.season is None:
        return []

    def row(side: str, each: RateAt) -> Sequence[object]:
        return (side, each.as_of[:10], f"{each.n:,}", percent(each.rate))

    return [
        *(row("training", each) for each in found.season.training),
        row("test", found.season.test),
    ]


def _paired(found: Paired) -> tuple[str, ...]:
    return tuple(signed(each, "+.4f") for each in found)


def _money(found: Interval) -> str:
    return f"{found.value:,.0f} [{found.low:,.0f}, {found.high:,.0f}]"
