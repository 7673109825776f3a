"""HTTP: the list of customers, and the parts of one customer's page that tell what is on record."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Response

from governance.errors import InvalidInput
from serving.customer_file.decisions import ROWS as DECISIONS
from serving.customer_file.decisions import decisions_about
from serving.customer_file.directory import ROWS, Listed, exact, listed
from serving.customer_file.known import other_ids
from serving.customer_file.permissions import permissions_of
from serving.customer_file.scores import scores_of
from serving.customer_file.timeline import EVENTS, timeline
from serving.http.context import fresh
from serving.http.staff.customer_wellbeing import prepare
from serving.http.staff.looking import (
    SECTION,
    CustomerPath,
    Look,
    Name,
    Reader,
    Skip,
    look,
    part,
    target_of,
)
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.interventions.deciding.views import (
    InterventionView,
    interventions_of,
    without_refused,
)
from serving.interventions.delivery.desk import STATUSES
from serving.pages.staff.customer import (
    customer_href,
    days,
    with_query,
)
from serving.permission.consents import consent_paper, withdraw
from serving.rights.customers import list_customers

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Writer = Annotated[Visit, Depends(Staff("consent:read", also=("consent:write",)))]
ContactReader = Annotated[Visit, Depends(Staff("consent:read", also=("intervention:read",)))]
_FEW = 8
_FEW_CONTACTS = 3
_SAID = {"withdrawn": "Recorded: they took this permission back. It holds from this moment on."}


class ListRow(NamedTuple):
    """One line of the list with where it leads."""

    row: Listed
    href: str


@router.get("/staff/customers")
def get_customers(visit: Reader, find: Name = "", after: Name = "", target: Name = "") -> Response:
    """List customers, or find one by their id or how it begins."""
    keepwell, wanted = visit.here.keepwell, find.strip()
    sees_scores = visit.caller.may("score:read")
    ids, more = list_customers(keepwell, limit=ROWS, after=after, prefix=wanted)
    chosen = target_of(keepwell, target)
    with keepwell.database.read() as conn:
        itself = exact(keepwell, conn, wanted) if wanted and not after else None
        if itself is not None and ids in ([], [itself]):
            return goto(customer_href(itself))
        if itself is not None and itself not in ids:
            ids = [itself, *ids]
        rows = listed(keepwell, conn, ids, chosen, now=visit.here.clock())
    return visit.answer(
        "customers.html.j2",
        title="Customers",
        section=SECTION,
        rows=[ListRow(each, customer_href(each.customer_id)) for each in rows],
        more=more and with_query("/staff/customers", find=wanted, target=target, after=more),
        find=wanted,
        target=chosen,
        targets=list(keepwell.targets),
        sees_scores=sees_scores,
    )


@router.get("/staff/customers/{customer_id}")
def get_overview(customer_id: CustomerPath, visit: Reader) -> Response:
    """Show one customer at a glance."""
    may = visit.caller.may
    with look(visit, customer_id) as seen:
        keepwell, conn, known, now, _ = seen
        happened = timeline(conn, known, limit=_FEW)
        permissions = permissions_of(keepwell, conn, known, now=now)
        scores = None
        if may("score:read"):
            scores = scores_of(keepwell, conn, known, target_of(keepwell, ""), now=now)
        prepare(visit)
        contacts = _contacts(seen)[:_FEW_CONTACTS] if may("intervention:read") else None
    linked = other_ids(keepwell, known.inside)
    others = {
        "same_person": [
            {"customer_id": each, "href": customer_href(each)} for each in linked.same_person
        ],
        "accounts": linked.accounts,
    }
    return part(
        visit,
        seen,
        "overview",
        "",
        days=days(happened.events, sees_scores=may("score:read")),
        total=happened.total,
        permissions=permissions,
        scores=scores,
        contacts=contacts,
        others=others,
    )


@router.get("/staff/customers/{customer_id}/timeline")
def get_timeline(
    customer_id: CustomerPath, visit: Reader, kind: Name = "", skip: Skip = 0
) -> Response:
    """Show what happened, the newest first."""
    with look(visit, customer_id) as seen:
        found = timeline(seen.conn, seen.known, kind=kind or None, skip=skip)
    href = f"{seen.head.href}/timeline"
    return part(
        visit,
        seen,
        "timeline",
        "/timeline",
        found=found,
        days=days(found.events, sees_scores=visit.caller.may("score:read")),
        kind=kind,
        skip=skip,
        older=found.older and with_query(href, kind=kind, skip=found.older),
        newer=with_query(href, kind=kind, skip=max(0, skip - EVENTS)) if skip else None,
    )


@router.get("/staff/customers/{customer_id}/permissions")
def get_permissions(customer_id: CustomerPath, visit: Reader, said: Name = "") -> Response:
    """Show what they permit, and everything they ever said."""
    with look(visit, customer_id) as seen:
        found = permissions_of(seen.keepwell, seen.conn, seen.known, now=seen.now)
    return part(
        visit,
        seen,
        "permissions",
        "/permissions",
        found=found,
        may_withdraw=visit.caller.may("consent:write"),
        said=_SAID.get(said, ""),
    )


@router.post("/staff/customers/{customer_id}/permissions")
def post_withdrawal(customer_id: CustomerPath, visit: Writer) -> Response:
    """Record that they take one permission back, as they just said."""
    with look(visit, customer_id) as seen:
        pass
    withdraw(
        seen.keepwell,
        seen.known.inside,
        visit.form.get("purpose", ""),
        actor=f"key {visit.caller.key_id}",
        clock=visit.here.clock,
    )
    return goto(f"{seen.head.href}/permissions?said=withdrawn")


@router.get("/staff/customers/{customer_id}/receipts/{event_id}")
def get_receipt(customer_id: CustomerPath, event_id: str, visit: Reader) -> Response:
    """Give the receipt of one word, as JSON-LD."""
    if len(event_id) > 40:
        raise InvalidInput("this is no id of a recorded word")
    with look(visit, customer_id) as seen:
        document = consent_paper(
            seen.keepwell, seen.conn, "receipt", seen.known.inside, event_id=event_id
        )
    return fresh(document)


@router.get("/staff/customers/{customer_id}/contacts")
def get_contacts(customer_id: CustomerPath, visit: ContactReader) -> Response:
    """Show which contacts were proposed, held out, made or stopped, and why."""
    with look(visit, customer_id) as seen:
        rows = _contacts(seen)
    return part(
        visit,
        seen,
        "contacts",
        "/contacts",
        rows=rows,
        statuses=STATUSES,
        sees_scores=visit.caller.may("score:read"),
    )


@router.get("/staff/customers/{customer_id}/decisions")
def get_decisions(
    customer_id: CustomerPath, visit: Reader, kind: Name = "", skip: Skip = 0
) -> Response:
    """Show everything that was decided about them."""
    with look(visit, customer_id) as seen:
        found = decisions_about(
            seen.keepwell, seen.conn, seen.known, now=seen.now, kind=kind or None, skip=skip
        )
    href = f"{seen.head.href}/decisions"
    return part(
        visit,
        seen,
        "decisions",
        "/decisions",
        found=found,
        now=seen.now,
        kind=kind,
        opens=visit.caller.may("score:read"),
        older=found.older and with_query(href, kind=kind, skip=found.older),
        newer=with_query(href, kind=kind, skip=max(0, skip - DECISIONS)) if skip else None,
    )


def _contacts(seen: Look) -> list[InterventionView]:
    found = interventions_of(seen.conn, seen.known.inside)
    return without_refused(seen.conn, seen.keepwell.registry, found, now=seen.now)
