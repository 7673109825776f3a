"""HTTP: what customers permit, the notices they were shown, and proof of what they said."""

from dataclasses import fields
from datetime import date
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from governance.consent.notices import completed_yes, list_notices, published_versions
from governance.consent.record import ConsentChange, ConsentEvent, Subject, checked
from governance.errors import InvalidInput
from governance.instants import parse_instant, to_text
from serving.access.auth import Principal
from serving.http.api_customers import CustomerPath
from serving.http.consent_answers import (
    ConsentRecorded,
    ConsentsAnswer,
    ConsentWithdrawn,
    EverythingWithdrawn,
    NoticePublished,
    NoticesPage,
    Receipt,
    SubjectAnswer,
)
from serving.http.consent_schemas import ConsentRequest, NoticeRequest, SubjectRequest
from serving.http.context import Caller, Context, Here, ScopeFirst, Step, fresh
from serving.http.idempotency import AnsweredOnce
from serving.http.paging import LIMIT, After, cut, paged
from serving.permission import consents
from serving.permission.notices import notice_json, publish
from serving.scoring.shapes import consent_event_json, state_json

router = APIRouter(tags=["consents"], route_class=ScopeFirst)
once = APIRouter(tags=["consents"], route_class=AnsweredOnce)
PurposePath = Annotated[Step, Path(min_length=1, max_length=100)]
EventPath = Annotated[Step, Path(min_length=1, max_length=40)]
_SAID = tuple(each.name for each in fields(ConsentChange))
Reader = Annotated[Principal, Depends(Caller("consent:read"))]
Writer = Annotated[Principal, Depends(Caller("consent:write"))]


@router.get(
    "/v1/customers/{customer_id}/consents",
    operation_id="get_consents",
    response_model=ConsentsAnswer,
)
def get_consents(
    customer_id: CustomerPath,
    here: Here,
    caller: Reader,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1_000, description=LIMIT)] = 200,
    after: After = None,
) -> Response:
    """Say where a customer stands on every purpose, and everything they ever said, in pages."""
    keepwell, inside = here.keepwell, here.keepwell.inside_id(customer_id)
    with keepwell.database.read() as conn:
        states = keepwell.registry.states(conn, inside, now=here.clock())
        history = keepwell.registry.history(conn, inside)
        subject = keepwell.registry.subject(conn, inside)
    page, more = cut(history, lambda said: said.event_id, limit=limit, after=after)
    told = {
        "customer_id": customer_id,
        "subject": _subject_json(subject),
        "consents": [state_json(each) for each in states],
        "history": [consent_event_json(each) for each in page],
    }
    return paged(request, told, more, limit=limit)


@router.put(
    "/v1/customers/{customer_id}/consents/{purpose}",
    operation_id="record_consent",
    response_model=ConsentRecorded,
)
def put_consent(
    customer_id: CustomerPath,
    purpose: PurposePath,
    body: ConsentRequest,
    here: Here,
    caller: Writer,
) -> Response:
    """Record a customer's word on one purpose: a yes with the act and its evidence, or a refusal.

    To keys that may read permissions the answer says whether it permits anything. `renewed` is for
    those keys alone, because it is taken only of whoever said yes before; `given` holds as well.
    """
    if body.state == "renewed":
        caller.require("consent:read")
    zone = here.keepwell.settings.zone
    change = ConsentChange(
        customer_id=here.keepwell.inside_id(customer_id),
        purpose=purpose,
        state=body.state,
        occurred_at=None if body.occurred_at is None else parse_instant(body.occurred_at, zone),
        actor=f"key {caller.key_id}",
        mechanism=body.mechanism,
        evidence=body.evidence,
        explicit=body.explicit,
        expires_at=None if body.expires_at is None else parse_instant(body.expires_at, zone),
        notice_id=body.notice_id,
        notice_version=body.notice_version,
        notice_hash=body.notice_hash,
        notice_locale=body.notice_locale,
        guardian_evidence=body.guardian_evidence,
    )
    try:
        event = consents.change_consent(here.keepwell, change, clock=here.clock)
    except InvalidInput:
        seeming = None if caller.may("consent:read") else _as_a_strangers(here, change)
        if seeming is None:
            raise
        event = seeming
    told = {"customer_id": customer_id, **consent_event_json(event)}
    if caller.may("consent:read"):
        told |= _standing(here, event.customer_id, purpose)
    return fresh(told)


def _as_a_strangers(here: Context, change: ConsentChange) -> ConsentEvent | None:
    """Give a yes that failed by an erasure alone as it would stand of someone never known.

    An older yes does not bring an erased person back; that it did not would tell who was here.
    """
    keepwell, now = here.keepwell, here.clock()
    with keepwell.database.read() as conn:
        erased = keepwell.suppression.suppressed_at(conn, [change.customer_id], now=now)
        if not erased:
            return None
        try:
            said = completed_yes(published_versions(conn), checked(change, now=now), now=now)
        except InvalidInput:
            return None
    stated = {name: getattr(said, name) for name in _SAID}
    stated["occurred_at"] = said.occurred_at or now
    return ConsentEvent(sequence=0, event_id=str(uuid4()), recorded_at=now, **stated)


def _standing(here: Context, customer_id: str, purpose: str) -> dict[str, object]:
    with here.keepwell.database.read() as conn:
        state = here.keepwell.registry.state(conn, customer_id, purpose, now=here.clock())
    return {"permitted": state.permitted, "reason": state.reason or None}


@router.delete(
    "/v1/customers/{customer_id}/consents/{purpose}",
    operation_id="withdraw_consent",
    response_model=ConsentWithdrawn,
)
def delete_consent(
    customer_id: CustomerPath, purpose: PurposePath, here: Here, caller: Writer
) -> Response:
    """Withdraw a permission; in force when this answers. Needs no body."""
    event = consents.withdraw(
        here.keepwell,
        here.keepwell.inside_id(customer_id),
        purpose,
        actor=f"key {caller.key_id}",
        clock=here.clock,
    )
    return fresh(
        {
            "customer_id": customer_id,
            "purpose": purpose,
            "state": event.state,
            "event_id": event.event_id,
            "effective_at": to_text(event.recorded_at),
        }
    )


@router.delete(
    "/v1/customers/{customer_id}/consents",
    operation_id="withdraw_all_consents",
    response_model=EverythingWithdrawn,
)
def delete_consents(customer_id: CustomerPath, here: Here, caller: Writer) -> Response:
    """Stop everything a customer can stop; in force when this answers. Needs no body.

    Which purposes those were is told to keys that may read permissions.
    """
    events = consents.withdraw_all(
        here.keepwell,
        here.keepwell.inside_id(customer_id),
        actor=f"key {caller.key_id}",
        clock=here.clock,
    )
    told = {event.purpose: event.event_id for event in events} if caller.may("consent:read") else {}
    return fresh({"customer_id": customer_id, "state": "withdrawn", "events": told})


@router.put(
    "/v1/customers/{customer_id}/subject",
    operation_id="describe_customer",
    response_model=SubjectAnswer,
)
def put_subject(
    customer_id: CustomerPath, body: SubjectRequest, here: Here, caller: Writer
) -> Response:
    """Say when a customer comes of age and whether they are staff; what is not stated stays.

    Keys that may read permissions are told what is known now.
    """
    settings = here.keepwell.settings
    of_age = None if body.adult_from is None else parse_instant(body.adult_from, settings.zone)
    if body.birth_date is not None:
        try:
            born = date.fromisoformat(body.birth_date)
        except ValueError:
            raise InvalidInput("birth_date is not a date", hint="write it as 2012-01-31") from None
        of_age = consents.birthday(born, settings.preferences.adult_age, settings.zone)
    subject = consents.describe_subject(
        here.keepwell,
        here.keepwell.inside_id(customer_id),
        adult_from=of_age,
        relation=body.relation,
        clock=here.clock,
    )
    known = _subject_json(subject) if caller.may("consent:read") else {}
    return fresh({"customer_id": customer_id, **known})


def _subject_json(subject: Subject) -> dict[str, str | None]:
    of_age = subject.adult_from
    return {
        "adult_from": None if of_age is None else to_text(of_age),
        "relation": subject.relation,
    }


@router.get(
    "/v1/customers/{customer_id}/receipts/{event_id}",
    operation_id="get_consent_receipt",
    response_model=Receipt,
)
def get_receipt(
    customer_id: CustomerPath, event_id: EventPath, here: Here, caller: Reader
) -> Response:
    """Give a customer's receipt of one recorded word, as JSON-LD."""
    inside = here.keepwell.inside_id(customer_id)
    with here.keepwell.database.read() as conn:
        document = consents.consent_paper(here.keepwell, conn, "receipt", inside, event_id=event_id)
    return fresh(document)


@router.get("/v1/notices", operation_id="list_notices", response_model=NoticesPage)
def get_notices(
    here: Here,
    caller: Reader,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description=LIMIT)] = 50,
    after: After = None,
) -> Response:
    """List every published version of every notice, with its words."""
    with here.keepwell.database.read() as conn:
        found = list_notices(conn)
    page, more = cut(
        found, lambda each: f"{each.version}~{each.notice_id}", limit=limit, after=after
    )
    return paged(request, {"results": [notice_json(each) for each in page]}, more, limit=limit)


@once.post(
    "/v1/notices", operation_id="publish_notice", response_model=NoticePublished, status_code=201
)
def post_notice(
    body: NoticeRequest, here: Here, caller: Annotated[Principal, Depends(Caller("admin"))]
) -> Response:
    """Publish a version of a notice; from now on a yes to its purposes must refer to it."""
    notice = publish(
        here.keepwell,
        notice_id=body.notice_id,
        version=body.version,
        content=body.words,
        purposes=body.purposes,
        material=body.material,
        locale=body.locale,
        valid_for_days=body.expires_after_days,
        clock=here.clock,
    )
    return fresh(
        {
            "notice_id": notice.notice_id,
            "version": notice.version,
            "locale": notice.locale,
            "sha256": notice.content_hash,
            "published_at": to_text(notice.published_at),
        },
        status=201,
    )
