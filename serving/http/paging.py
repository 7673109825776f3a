"""One way through every list: `limit`, `after`, and in the answer `next` and a `Link` to it."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Query, Request, Response

from governance.errors import InvalidInput
from serving.http.context import fresh

LIMIT = "How many to give at most."
AFTER = "Where to go on: what the last page gave as `next`."
After = Annotated[str | None, Query(max_length=240, description=AFTER)]
Row = TypeVar("Row")


def paged(
    request: Request, content: dict[str, Any], following: str | None, *, limit: int
) -> Response:
    """Answer with one page; `following` is what leads to the next, None on the last."""
    answer = fresh({**content, "next": following})
    if following is not None:
        kept = [
            (name, value)
            for name, value in request.query_params.multi_items()
            if name not in ("after", "limit")
        ]
        query = "&".join(
            f"{quote(name, safe='')}={quote(value, safe='')}"
            for name, value in [*kept, ("limit", str(limit)), ("after", following)]
        )
        answer.headers["Link"] = f'<?{query}>; rel="next"'
    return answer


def cut(
    rows: Sequence[Row], name: Callable[[Row], str], *, limit: int, after: str | None
) -> tuple[Sequence[Row], str | None]:
    """Give one page of a short list and the name of its last row, None on the last page.

    Raises `InvalidInput` where no row is named `after`.
    """
    start = 0
    if after is not None:
        places = [place for place, row in enumerate(rows) if name(row) == after]
        if not places:
            raise InvalidInput(
                "`after` is not a place in this list",
                hint="pass on what the last page gave as `next`, or begin again without it",
            )
        start = places[0] + 1
    page = rows[start : start + limit]
    return page, name(page[-1]) if start + limit < len(rows) else None
