"""HTTP: the dossier of one decision, and computing it again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from serving.http.context import Step
from serving.http.staff.visit import Staff, StaffRoute, Visit
from serving.pages.staff.customer import customer_href
from serving.record.dossier import make_dossier

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
DecisionPath = Annotated[Step, Path(min_length=1, max_length=40)]
Reader = Annotated[Visit, Depends(Staff("score:read", also=("consent:read",)))]


@router.get("/staff/decisions/{decision_id}")
def get_dossier(decision_id: DecisionPath, visit: Reader, again: bool = False) -> Response:
    """Show what was agreed to, what was known, why it was so, and who approved the model.

    With `again` it is computed once more, for keys that may sign: that changes nothing, tells no
    score, and says whether the same comes out.
    """
    if again:
        visit.caller.require("audit:sign")
    dossier = make_dossier(
        visit.here.keepwell, decision_id, now=visit.here.clock(), computed_again=again
    )
    customer = dossier.customer_id
    return visit.answer(
        "decision.html.j2",
        title="Dossier",
        section="customers",
        d=dossier,
        customer_href="" if customer is None else customer_href(customer),
        may_replay=visit.caller.may("audit:sign") and not again,
    )
