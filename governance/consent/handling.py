"""Who handles personal data, where and for how long: what every consent record states beside it."""

from typing import NamedTuple

NOT_STATED = "not stated"


class Party(NamedTuple):
    """A business or authority: what it is called, where it is, how it is reached, what it is."""

    name: str = NOT_STATED
    address: str = NOT_STATED
    contact: str = NOT_STATED
    kind: str = "controller"


class Handling(NamedTuple):
    """What a company says of its handling of personal data.

    `withdrawal` is an address or words; `jurisdiction` and `storage_locations` are country codes
    (ISO 3166, or EU). What is not stated says so in every record and receipt.
    """

    controllers: tuple[Party, ...] = (Party(),)
    recipients: tuple[Party, ...] = ()
    jurisdiction: str = NOT_STATED
    storage_locations: tuple[str, ...] = ()
    retention: str = "until you withdraw, object or ask for erasure"
    withdrawal: str = "Say no where you said yes; nothing else is asked, at any time."
    authority: Party | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything a receipt must state is stated."""
        return (
            all(NOT_STATED not in each for each in self.controllers)
            and self.jurisdiction != NOT_STATED
            and bool(self.storage_locations)
        )
