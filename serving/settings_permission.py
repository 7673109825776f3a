"""Settings about permission: who answers for the data, and the pages where people decide."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from governance.consent.handling import NOT_STATED, Handling, Party

Words = Annotated[str, Field(min_length=1, max_length=500)]
Address = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")]
Origin = Annotated[str, Field(pattern=r"^https?://(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PartySettings(_Record):
    """A business or authority beside the company itself."""

    name: Words = Field(description="its name")
    address: Words = Field(description="its address")
    contact: Words = Field(description="how to reach it")
    kind: Literal["joint_controller", "processor", "third_party", "recipient"] = Field(
        default="recipient", description="what it is to the company"
    )


class AuthoritySettings(_Record):
    """The supervisory authority people may complain to."""

    name: Words = Field(description="its name")
    address: Words = Field(description="its address")
    contact: Words = Field(description="how to reach it")


class ControllerSettings(_Record):
    """Who answers for the data, where it lies and for how long: stated in every receipt."""

    name: Words = Field(default=NOT_STATED, description="the company's name")
    address: Words = Field(default=NOT_STATED, description="its address")
    contact: Words = Field(default=NOT_STATED, description="how people reach it")
    jurisdiction: Country | None = Field(default=None, description="the country whose law applies")
    storage_locations: tuple[Country, ...] = Field(
        default=(), description="countries in which the data lies"
    )
    retention: Words = Field(
        default=Handling().retention, description="for how long data is kept, in words"
    )
    withdrawal: Words = Field(
        default=Handling().withdrawal, description="how to withdraw, in words"
    )
    authority: AuthoritySettings | None = Field(
        default=None, description="the supervisory authority"
    )
    others: tuple[PartySettings, ...] = Field(
        default=(), description="joint controllers, processors and recipients"
    )

    def handling(self) -> Handling:
        """Give what records and receipts state."""
        itself = Party(self.name, self.address, self.contact)
        others = [Party(each.name, each.address, each.contact, each.kind) for each in self.others]
        joint = [each for each in others if each.kind == "joint_controller"]
        return Handling(
            controllers=(itself, *joint),
            recipients=tuple(each for each in others if each.kind != "joint_controller"),
            jurisdiction=self.jurisdiction or NOT_STATED,
            storage_locations=self.storage_locations,
            retention=self.retention,
            withdrawal=self.withdrawal,
            authority=None
            if self.authority is None
            else Party(
                self.authority.name, self.authority.address, self.authority.contact, "authority"
            ),
        )


class PreferenceSettings(_Record):
    """The pages where people decide, and who may show them inside their own.

    `base_url` is where people reach this service; without it a production home makes no links and
    a demo's point to where they were asked for. `embed_origins` are the company's own
    sites. A link to the preference page lives for `link_minutes`.
    """

    base_url: Address | None = Field(
        default=None,
        description="where people reach this service; without it a production home makes no links",
    )
    embed_origins: tuple[Origin, ...] = Field(
        default=(), description="the company's own sites, which may show the pages inside theirs"
    )
    link_minutes: int = Field(
        default=15, ge=1, le=24 * 60, description="how long a link to the preference page lives"
    )
    adult_age: int = Field(
        default=18, ge=13, le=21, description="from what age on nobody else must agree"
    )

    @field_validator("base_url")
    @classmethod
    def _without_last_slash(cls, address: str | None) -> str | None:
        return None if address is None else address.rstrip("/")
