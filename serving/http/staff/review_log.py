"""HTTP: the log before its reader: verified on the spot, its head to keep, its newest entries."""

import json
import threading
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Response

from governance.errors import IntegrityBroken, InvalidInput
from governance.log.ledger import entries, head
from serving.http.staff.visit import Staff, StaffRoute, Visit, goto
from serving.pages.mistakes import mistake
from serving.pages.staff import review as words
from serving.record.verification import LogChecked, check_log, read_head

router = APIRouter(include_in_schema=False, route_class=StaffRoute)
Reviewer = Annotated[Visit, Depends(Staff(*words.SIGNERS))]
LOG = "/staff/review/log"
_NEWEST = 20
_reading = threading.Lock()


@router.get(LOG)
def get_log(visit: Reviewer) -> Response:
    """Show the newest entries, and how to verify all of them."""
    return _log(visit)


@router.post(LOG)
def post_log(visit: Reviewer) -> Response:
    """Verify the whole log now and say what was found; sending it again changes nothing.

    The outcome is the answer itself and has no address: a link that says "intact" proves nothing.
    One at a time in a process, beside the event loop, since it may take seconds.
    """
    if not _reading.acquire(blocking=False):
        return _log(visit, wrong="The log is being read already. Try again soon.", status=409)
    try:
        sent = visit.form.get("head", "").strip()
        found = check_log(visit.here.keepwell, head=read_head(sent) if sent else None)
    except (InvalidInput, IntegrityBroken) as error:
        return _log(visit, wrong=mistake(error), status=422)
    finally:
        _reading.release()
    return _log(visit, found=found, with_head=bool(sent))


@router.get(f"{LOG}/head")
def get_head(visit: Reviewer) -> Response:
    """Give the signed head as a file to keep elsewhere."""
    keepwell = visit.here.keepwell
    with keepwell.database.read() as conn:
        signed = head(conn, keepwell.keys.ledger)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="ledger-head-{signed.seq}.json"',
    }
    text = json.dumps(signed.to_json(), indent=2)
    return Response(text, media_type="application/json", headers=headers)


@router.get("/staff/review/dossier")
def get_dossier(visit: Reviewer, decision: Annotated[str, Query(max_length=80)] = "") -> Response:
    """Lead to one decision with everything it rests on."""
    wanted = decision.strip()
    return goto(f"/staff/decisions/{quote(wanted, safe='')}" if wanted else LOG)


def _log(
    visit: Visit,
    *,
    found: LogChecked | None = None,
    with_head: bool = False,
    wrong: str = "",
    status: int = 200,
) -> Response:
    keepwell = visit.here.keepwell
    with keepwell.database.read() as conn:
        standing = head(conn, keepwell.keys.ledger)
        newest = entries(conn, after=max(standing.seq - _NEWEST, 0), limit=_NEWEST)
    return visit.answer(
        "review_log.html.j2",
        title="Log",
        section="review",
        status=status,
        words=words,
        tabs=words.tabs(visit.caller),
        n=standing.seq,
        newest=newest[::-1],
        found=found,
        with_head=with_head,
        wrong=wrong,
        now=visit.here.clock(),
    )
