"""What goes in and out over HTTP about the feedback hub."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from serving.http.answers import Figure, Next
from serving.http.schemas import Incoming, Instant

Words = Annotated[str, Field(min_length=1, max_length=400)]
Subject = Annotated[
    str,
    Field(
        min_length=3,
        max_length=120,
        description="measure:NAME, theme:NAME, keyword:WORDS, stage:NAME[:LOOK] or complaints:NAME",
    ),
]


class FeedbackRequest(Incoming):
    """What could be better: from a subject with a figure, or in words that name nobody."""

    title: Words | None = None
    source: Subject | None = None
    measure: Annotated[
        Subject | None, Field(description="What is measured again; the source if not said.")
    ] = None
    days: Annotated[
        Literal[30, 90], Field(description="How long the windows before and after are.")
    ] = 90


class AssignRequest(Incoming):
    """Who mends it, and by when; a bare date is midnight at home."""

    owner: Annotated[str, Field(min_length=1, max_length=200)]
    due_at: Annotated[str, Field(max_length=40)]


class ActionRequest(Incoming):
    """What was done, naming nobody."""

    action: Words


class CloseRequest(Incoming):
    """Why an item is closed that was not measured again."""

    reason: Words | None = None


class WindowFigure(BaseModel):
    """The figure an item is about, over one window; without a value `note` says why."""

    subject: str
    start: Instant
    end: Instant
    value: Figure | None
    people: int | None
    unit: str
    note: str


class Change(BaseModel):
    """After less before; never an effect, for nobody was held out."""

    difference: Figure | None
    verdict: str
    note: str


class FeedbackAnswer(BaseModel):
    """One item: from where it came, who mends it until when, what changed."""

    item_id: str
    title: str
    source: str
    status: Literal["open", "assigned", "acted", "closed"]
    opened_at: Instant
    owner: str | None
    due_at: Instant | None
    measure: str | None
    before: WindowFigure | None
    action: str | None
    acted_at: Instant | None
    after: WindowFigure | None
    change: Change | None
    closed_at: Instant | None
    closed_by: str | None
    close_reason: str | None
    overdue: bool
    remeasure_from: Instant | None


class FeedbackPage(BaseModel):
    """Items of the feedback hub, the newest first."""

    results: list[FeedbackAnswer]
    next: Next
