"""What goes out over HTTP about customers."""

from pydantic import BaseModel

from serving.http.answers import (
    CustomerName,
    DecisionAnswer,
    HistoryEvent,
    HomeKind,
    InterventionAnswer,
    Next,
)
from serving.http.consent_answers import ConsentStanding
from serving.http.rights_answers import ReviewRequestAnswer


class CustomerRow(BaseModel):
    """One customer in a list."""

    customer_id: CustomerName


class CustomersPage(BaseModel):
    """Customers in order of id."""

    results: list[CustomerRow]
    next: Next


class CustomerAnswer(BaseModel):
    """A customer's history (newest 200 events first), permissions, decisions and contacts."""

    customer_id: CustomerName
    home: HomeKind
    events: list[HistoryEvent]
    events_total: int
    consents: list[ConsentStanding]
    decisions: list[DecisionAnswer]
    review_requests: list[ReviewRequestAnswer]
    interventions: list[InterventionAnswer]
