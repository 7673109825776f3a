"""HTTP: what is estimated about one customer, and why; scoring, looking back, asking what if."""

from collections.abc import Mapping
from math import nan

from fastapi import APIRouter, Response

from governance.errors import InvalidInput, NotFound
from serving.customer_file.decisions import own_decision
from serving.customer_file.scores import Score, scores_of
from serving.http.staff.looking import CustomerPath, Look, Name, ScoreReader, look, part, target_of
from serving.http.staff.pictures import picture
from serving.http.staff.visit import StaffRoute, Visit, goto
from serving.pages.mistakes import mistake
from serving.pages.pictures.scores import PastScore, scores_picture
from serving.pages.pictures.waterfall import waterfall_picture, waterfall_size
from serving.pages.staff.customer import differences, number, signed, with_query
from serving.refusals import say_refusal
from serving.scoring.chance import percent
from serving.scoring.look_back import look_back
from serving.scoring.whatif import WhatIf
from serving.scoring.whatif_record import what_if_from

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
REASONS = 10
_PAIRS = (1, 2, 3)
_SAID = {
    "scored": "Scored. The estimate below is the new one.",
    "insufficient_data": "Asked: nothing can be said. The answer is recorded as a decision.",
    "refused": "Refused: scoring is not permitted. The refusal is recorded as a decision.",
    "not_available": "There was nobody to score.",
    "looked": "Looked back: the estimates are below, each a decision of its own.",
}


@router.get("/staff/customers/{customer_id}/scores")
def get_scores(
    customer_id: CustomerPath, visit: ScoreReader, target: Name = "", said: Name = ""
) -> Response:
    """Show the newest estimate, why it is so, and those before."""
    with look(visit, customer_id) as seen:
        chosen = target_of(seen.keepwell, target)
        found = scores_of(seen.keepwell, seen.conn, seen.known, chosen, now=seen.now)
    told, href = found.told, seen.head.href
    steps = told.steps if told is not None else None
    current = told.model_digest if told is not None else None
    return part(
        visit,
        seen,
        "scores",
        "/scores",
        scores=found,
        targets=list(seen.keepwell.targets),
        said=_SAID.get(said, ""),
        reasons_src=f"{href}/reasons.svg?decision={told.decision_id}" if told else "",
        reasons_alt=_why_in_words(told) if told else "",
        reasons_size=(0, 0) if steps is None else waterfall_size(steps),
        history_src=with_query(f"{href}/scores.svg", target=chosen),
        history_alt=_past_in_words(found.points),
        earlier_models=any(each.model_digest != current for each in found.points),
        signed=signed,
    )


@router.post("/staff/customers/{customer_id}/scores")
def post_score(customer_id: CustomerPath, visit: ScoreReader) -> Response:
    """Score this customer now; the answer is recorded whatever it is."""
    with look(visit, customer_id) as seen:
        target = target_of(seen.keepwell, visit.form.get("target", ""))
    answer = visit.here.scorer.score(
        [seen.known.inside], targets=[target], reasons_limit=REASONS, may_see_refusals=True
    )
    visit.here.meter.count("keepwell_scores_total", [each.status for each in answer.results])
    said = answer.results[0].status
    return goto(with_query(f"{seen.head.href}/scores", target=target, said=said))


@router.post("/staff/customers/{customer_id}/look-back")
def post_look_back(customer_id: CustomerPath, visit: ScoreReader) -> Response:
    """Score this customer as they were known at the end of each of the last twelve months."""
    with look(visit, customer_id) as seen:
        target = target_of(seen.keepwell, visit.form.get("target", ""))
    told = look_back(
        seen.keepwell,
        visit.here.scorer,
        seen.known.inside,
        target,
        now=seen.now,
        reasons_limit=REASONS,
    )
    visit.here.meter.count("keepwell_scores_total", [each.status for each in told])
    said = "looked" if any(each.status == "scored" for each in told) else told[-1].status
    return goto(with_query(f"{seen.head.href}/scores", target=target, said=said))


@router.get("/staff/customers/{customer_id}/reasons.svg")
def get_reasons(customer_id: CustomerPath, visit: ScoreReader, decision: Name = "") -> Response:
    """Draw how one score came about."""
    with look(visit, customer_id) as seen:
        found = scores_of(
            seen.keepwell, seen.conn, seen.known, _target_behind(seen, decision), now=seen.now
        )
    told = next((each for each in found.points if each.decision_id == decision), found.told)
    if told is None or told.steps is None:
        raise NotFound("there is no estimate that may be told now")
    return picture(waterfall_picture(told.steps), about_somebody=True)


@router.get("/staff/customers/{customer_id}/scores.svg")
def get_history(customer_id: CustomerPath, visit: ScoreReader, target: Name = "") -> Response:
    """Draw past estimates with their intervals."""
    with look(visit, customer_id) as seen:
        chosen = target_of(seen.keepwell, target)
        found = scores_of(seen.keepwell, seen.conn, seen.known, chosen, now=seen.now)
    if found.told is None:
        raise NotFound("there is no estimate that may be told now")
    points = [
        PastScore(
            each.as_of or each.recorded_at,
            each.probability,
            each.low,
            each.high,
            each.model_digest == found.told.model_digest,
        )
        for each in found.points
        if each.probability is not None and each.low is not None and each.high is not None
    ]
    return picture(scores_picture(points), about_somebody=True)


@router.get("/staff/customers/{customer_id}/what-if")
def get_what_if(
    customer_id: CustomerPath,
    visit: ScoreReader,
    target: Name = "",
    offer: Name = "",
    decision: Name = "",
    said: Name = "",
) -> Response:
    """Show what may be asked, and what came of a question, as it may be told now."""
    with look(visit, customer_id) as seen:
        return _what_if_page(visit, seen, target, offer, decision, said)


@router.post("/staff/customers/{customer_id}/what-if")
def post_what_if(customer_id: CustomerPath, visit: ScoreReader) -> Response:
    """Ask, or without a question find out what may be asked; both are recorded."""
    with look(visit, customer_id) as seen:
        target = target_of(seen.keepwell, visit.form.get("target", ""))
    offer = visit.form.get("offer", "")
    try:
        asked = _asked(visit.form)
        if offer and not asked:
            raise InvalidInput("nothing was named", hint="choose what to suppose, and a number")
        answer = visit.here.scorer.what_if(
            seen.known.inside, asked, target=target, may_see_refusals=True
        )
    except InvalidInput as error:
        with look(visit, customer_id) as seen:
            failed = mistake(error)
            return _what_if_page(visit, seen, target, offer, "", "", failed)
    href = f"{seen.head.href}/what-if"
    if answer.answer is None:
        said = answer.reason or answer.status
        return goto(with_query(href, target=target, said=said))
    if not asked:
        return goto(with_query(href, target=target, offer=answer.decision_id))
    return goto(with_query(href, target=target, offer=offer, decision=answer.decision_id))


def _what_if_page(
    visit: Visit, seen: Look, target: str, offer: str, decision: str, said: str, failed: str = ""
) -> Response:
    offered, answered = _recorded(seen, offer), _recorded(seen, decision)
    return part(
        visit,
        seen,
        "what_if",
        "/what-if",
        target=target_of(seen.keepwell, target),
        targets=list(seen.keepwell.targets),
        offer=offered if offered is not None and offered.may_ask else None,
        offer_id=offer,
        answer=answered,
        differences=differences(answered.difference if answered is not None else ()),
        asked=answered.asked if answered is not None else (),
        decision=decision,
        failed=failed,
        nothing=f"Nothing can be compared: {say_refusal(said)}." if said else "",
        number=number,
        signed=signed,
    )


def _recorded(seen: Look, decision_id: str) -> WhatIf | None:
    if not decision_id:
        return None
    found = own_decision(seen.keepwell, seen.conn, seen.known, decision_id, now=seen.now)
    if found is None or found.kind != "what_if" or found.result is None:
        return None
    return what_if_from(found.outcome, found.result)


def _asked(form: Mapping[str, str]) -> dict[str, float]:
    asked: dict[str, float] = {}
    for place in _PAIRS:
        name, value = form.get(f"feature{place}", ""), form.get(f"value{place}", "").strip()
        if not name:
            continue
        if name in asked:
            raise InvalidInput("one thing was named twice", hint="name each thing once")
        try:
            asked[name] = float(value.replace(",", "."))
        except ValueError:
            asked[name] = nan
    return asked


def _target_behind(seen: Look, decision_id: str) -> str:
    """Say which target a decision was about; the home's first for none of this customer's."""
    if decision_id:
        found = own_decision(seen.keepwell, seen.conn, seen.known, decision_id, now=seen.now)
        if found is not None and found.target is not None:
            return target_of(seen.keepwell, found.target)
    return target_of(seen.keepwell, "")


def _why_in_words(told: Score) -> str:
    steps = told.steps
    if steps is None:
        return ""
    parts = [f"{each.text} {signed(each.contribution)}" for each in steps.steps[:3]]
    return (
        f"From {signed(steps.base)}, where everyone starts, to {signed(steps.total)} for this "
        f"customer, in log-odds. Largest: {'; '.join(parts)}. All are in the table beside."
    )


def _past_in_words(points: tuple[Score, ...]) -> str:
    told = [each for each in points if each.probability is not None]
    if not told:
        return ""
    newest, oldest = told[0], told[-1]
    assert newest.probability is not None
    assert oldest.probability is not None
    return (
        f"{len(told)} estimates over time, from {percent(oldest.probability)} to "
        f"{percent(newest.probability)}. All are in the table beside."
    )
