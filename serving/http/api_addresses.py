"""HTTP: where messages that Keepwell sends itself reach a customer."""

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import Field

from governance.errors import NotFound
from serving import addresses
from serving.access.auth import Principal
from serving.http.api_customers import CustomerPath
from serving.http.context import Caller, Here, ScopeFirst, Step, fresh
from serving.http.message_answers import AddressHeld
from serving.http.schemas import Incoming

router = APIRouter(tags=["customers"], route_class=ScopeFirst)
ChannelPath = Annotated[Step, Path(min_length=1, max_length=40)]
Writer = Annotated[Principal, Depends(Caller("events:write"))]


class AddressRequest(Incoming):
    """One address, without a name beside it."""

    address: Annotated[str, Field(min_length=3, max_length=320)]


@router.put(
    "/v1/customers/{customer_id}/addresses/{channel}",
    operation_id="hold_address",
    response_model=AddressHeld,
)
def put_address(
    customer_id: CustomerPath,
    channel: ChannelPath,
    body: AddressRequest,
    here: Here,
    caller: Writer,
) -> Response:
    """Hold a customer's address in place of the one before. It permits nothing by itself.

    To keys that may not read permissions, someone who may not be served looks like anybody else.
    """
    with suppress(*_unsaid(caller)):
        addresses.set_address(here.keepwell, customer_id, channel, body.address, clock=here.clock)
    return fresh({"customer_id": customer_id, "channel": channel, "outcome": "held"})


@router.delete(
    "/v1/customers/{customer_id}/addresses/{channel}",
    operation_id="remove_address",
    response_model=AddressHeld,
)
def delete_address(
    customer_id: CustomerPath, channel: ChannelPath, here: Here, caller: Writer
) -> Response:
    """Let go of a customer's address; what still waits for it is not sent."""
    with suppress(*_unsaid(caller)):
        addresses.remove_address(here.keepwell, customer_id, channel, clock=here.clock)
    return fresh({"customer_id": customer_id, "channel": channel, "outcome": "removed"})


def _unsaid(caller: Principal) -> tuple[type[NotFound], ...]:
    """What a caller is not told, because it would tell who was refused."""
    return () if caller.may("consent:read") else (NotFound,)
