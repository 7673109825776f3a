"""The model card as Markdown and as a page: the nine parts of Mitchell et al. (2019)."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from governance.audit.format import NOT_ESTIMABLE, marked, percent, words
from governance.audit.impact_assessment import assess_impact
from governance.fairness.record import FairnessResult, GroupCell
from governance.instants import to_text
from governance.model.card import ModelFacts, TestResult
from governance.model.gate import GateVerdict

_LONGEST = 15
_SIMPLE = {
    "recency": "days since the last order alone",
    "rfm_logistic": "recency, frequency and amount in a logistic regression",
    "prevalence": "the same share for everyone",
    "personal_mean": "the person's own past mean",
}

Block = str | tuple[Sequence[str], list[Sequence[str]]]
"""A heading (`# …`), a line of a list (`- …`), a sentence, or a table: its head and its rows."""


def render_markdown(
    facts: ModelFacts, fairness: FairnessResult | None = None, verdict: GateVerdict | None = None
) -> str:
    """Give the card as Markdown; without an audit it says that groups were not compared."""
    lines: list[str] = []
    for block in _blocks(facts, fairness, verdict):
        if not isinstance(block, str):
            lines += ["", *_markdown_table(*block)]
        elif block.startswith("- ") and lines and lines[-1].startswith("- "):
            lines.append(block)
        else:
            lines += ["", block]
    return "\n".join(lines).lstrip("\n") + "\n"


def render_card_html(
    facts: ModelFacts, fairness: FairnessResult | None = None, verdict: GateVerdict | None = None
) -> str:
    """Give the same card as one HTML page that needs nothing else."""
    parts: list[str] = []
    for block in _blocks(facts, fairness, verdict):
        if not isinstance(block, str):
            parts.append(_html_table(*block))
        elif block.startswith("#"):
            level = len(block) - len(block.lstrip("#"))
            parts.append(f"<h{level}>{marked(block.lstrip('# '))}</h{level}>")
        elif block.startswith("- "):
            parts.append(f'<p class="item">{marked(block[2:])}</p>')
        else:
            parts.append(f"<p>{marked(block)}</p>")
    title = f"Model card: {facts.target} {facts.model_digest[:12]}"
    body = Markup("\n".join(parts))  # noqa: S704 - every text inside was escaped above
    page = Environment(loader=PackageLoader("governance.audit"), autoescape=True)
    return page.get_template("card.html.j2").render(title=title, body=body)


def _blocks(
    facts: ModelFacts, fairness: FairnessResult | None, verdict: GateVerdict | None
) -> Iterator[Block]:
    yield f"# Model card: {words(facts.target)}, {facts.horizon_days} days ahead"
    if facts.home_kind != "production":
        yield f"Made in a home of kind {facts.home_kind}: nothing here is for use with real people."
    yield "## Model details"
    yield from _details(facts, verdict)
    yield "## Intended use"
    yield from _INTENDED
    yield "## Factors"
    yield from _factors(facts, fairness)
    yield "## Metrics"
    yield from _metrics(facts)
    yield "## Evaluation data"
    yield from _evaluation_data(facts)
    yield "## Training data"
    yield from _training_data(facts)
    yield "## Quantitative analyses"
    yield from _analyses(facts, fairness)
    yield "## Ethical considerations"
    yield from _ethics(facts, fairness)
    yield "## Caveats and recommendations"
    yield from _caveats(facts, verdict)


_INTENDED = (
    "An estimate about a customer's situation, to notice early who may be struggling and to offer "
    "help within what each person permitted; never a trait of a person.",
    "- for: people who look after customers, with the reasons of each score at hand",
    "- not for: employees, credit, insurance, prices, access to essential services",
    "- never the only ground for a decision with significant effect, and never a reason to sell to "
    "someone because they fare worse",
)


def _details(facts: ModelFacts, verdict: GateVerdict | None) -> Iterator[Block]:
    yield f"- model `{facts.model_digest}`, trained {to_text(facts.created_at)} by {facts.author}"
    yield (
        "- boosted trees and an additive curve model, added in log-odds, then a monotone "
        "calibrator; every score is the sum of its contributions"
    )
    yield f"- purpose `{facts.purpose}`; looks {facts.horizon_days} days ahead"
    yield f"- MLflow run {facts.mlflow_run_id or 'none'}; commit {facts.commit or 'not recorded'}"
    versions = ", ".join(f"{name} {found}" for name, found in sorted(facts.versions.items()))
    yield f"- versions: {versions or 'not recorded'}; seed {facts.seed}"
    yield f"- made by: {facts.command or 'not recorded'}"
    if verdict is not None:
        yield f"- gate: {words(verdict.outcome)}"
    yield "- licence of the code: Apache-2.0; questions: whoever runs this home"


def _factors(facts: ModelFacts, fairness: FairnessResult | None) -> Iterator[Block]:
    groups = sorted({cell.attribute for cell in fairness.groups}) if fairness else []
    segments = sorted({each.attribute for each in facts.evaluation.segments})
    yield f"- protected attributes compared: {_list(groups)}"
    yield f"- parts of the customers compared: {_list(segments)}"
    if facts.evaluation.season is not None:
        yield f"- seasons compared: {len(facts.evaluation.season.training)} training instants"
    yield "- relevant and not observed: everything that happens outside the recorded relationship"


def _metrics(facts: ModelFacts) -> Iterator[Block]:
    yield (
        "AUC and average precision say whether the right people come first, log loss, Brier and "
        "ECE whether the probabilities hold, lift what the top tenth gains. 95 % intervals; "
        f"someone counts as selected from {facts.threshold:.3f} on."
    )
    scores: dict[str, TestResult] = {"this model": facts.test}
    scores |= {f"within {days} days": each for days, each in facts.horizons.items()}
    scores |= {words(name): each for name, each in facts.baselines.items()}
    head = ("scores", "AUC", "average precision", "log loss", "Brier", "ECE", "lift at 10 %")
    names = ("auc", "average_precision", "log_loss", "brier", "ece", "lift_at_10")
    yield (
        head,
        [(who, *(str(each.interval(name)) for name in names)) for who, each in scores.items()],
    )
    for name in facts.baselines:
        if name in _SIMPLE:
            yield f"- {words(name)}: {_SIMPLE[name]}"


def _evaluation_data(facts: ModelFacts) -> Iterator[Block]:
    test = facts.test
    yield (
        f"{test.n:,} customers at {to_text(test.as_of)[:10]}, {test.positives:,} of them with the "
        "outcome: a time, or people, that training never saw. The test is read once, whatever was "
        "tried before."
    )
    yield f"- split: {facts.split or 'not stated'}"
    for check in facts.leak_checks:
        yield f"- {words(check.name)}: {words(check.outcome)}, {check.text}"


def _training_data(facts: ModelFacts) -> Iterator[Block]:
    yield (
        f"{facts.rows:,} rows of {facts.customers:,} customers who permit it, "
        f"{len(facts.features)} features, {len(facts.cutoffs)} cut-offs; data manifest "
        f"`{facts.data_manifest or 'not recorded'}`."
    )
    for each in facts.dropped:
        left = f"{each.rows:,} rows, {each.customers:,} people"
        yield f"- left out at {each.step}: {each.reason}, {left}"
    for reason, n in sorted(facts.permission.items()):
        yield f"- permission, {reason.replace('refused:', 'no: ').replace('_', ' ')}: {n:,}"
    yield f"- left out because we had acted within the horizon: {facts.contaminated_rows:,} rows"


def _analyses(facts: ModelFacts, fairness: FairnessResult | None) -> Iterator[Block]:
    yield "### By group"
    if fairness is None or not fairness.groups:
        reason = "no audit was made" if fairness is None else fairness.reason
        yield f"Groups of people were not compared: {reason}."
    else:
        yield f"Outcome: {words(fairness.outcome)}. {fairness.reason}."
        head = ("group", "people", "selected %", "TPR %", "FPR %", "PPV %")
        yield head, [_cell(cell) for cell in fairness.groups]
        if fairness.intersections:
            yield "### By two attributes together"
            yield head, [_cell(cell) for cell in fairness.intersections]
    if facts.evaluation.segments:
        yield "### By parts of the customers"
        yield (
            ("part", "people", "came true %", "AUC"),
            [
                (
                    f"{words(each.attribute)}: {each.segment}",
                    "hidden" if each.n is None else f"{each.n:,}",
                    percent(each.base_rate),
                    NOT_ESTIMABLE if each.auc is None else str(each.auc),
                )
                for each in facts.evaluation.segments
            ],
        )
    yield "### What moves the score most (mean contribution in log-odds)"
    yield from (f"- {g.group}: {g.mean_abs:.3f}" for g in facts.groups[:_LONGEST])
    yield "### By feature"
    for each in facts.importance[:_LONGEST]:
        yield f"- {each.text} (`{each.feature}`): {each.mean_abs:.3f}"


def _ethics(facts: ModelFacts, fairness: FairnessResult | None) -> Iterator[Block]:
    yield "Permission is judged at every use; protected attributes reach the audit alone."
    if fairness is None:
        return
    head = ("what may go wrong", "likelihood", "severity", "measures")
    risks = assess_impact(facts, fairness, None).risks
    yield head, [(r.what, r.likelihood, r.severity, r.measures) for r in risks]
    yield "Likelihood and severity are proposals; the rules behind them are in the audit report."


def _caveats(facts: ModelFacts, verdict: GateVerdict | None) -> Iterator[Block]:
    yield "- it speaks for customers like those it learned from, at a time like the one it saw"
    yield "- it says for whom something may come true, not why, and not who can be helped"
    season = facts.evaluation.season
    if season is not None and season.shifted:
        yield "- the season shifted: do not take the probabilities at their word when it turns"
    for said in (*verdict.reasons, *verdict.conditions) if verdict is not None else ():
        yield f"- {said}"
    yield "- look again before the signature expires, and whenever monitoring asks for it"


def _cell(cell: GroupCell) -> Sequence[str]:
    name = f"{words(cell.attribute)}: {cell.group}"
    if cell.n is None:
        return (name, "hidden", "", "", "", "")
    rates = (cell.selection_rate, cell.tpr, cell.fpr, cell.ppv)
    return (name, f"{cell.n:,}", *(percent(each) for each in rates))


def _list(names: Iterable[str]) -> str:
    return ", ".join(words(name) for name in names) or "none"


def _markdown_table(head: Sequence[str], rows: list[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _html_table(head: Sequence[str], rows: list[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )
