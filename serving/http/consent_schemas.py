"""What goes in over HTTP about permission."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from serving.http.schemas import Incoming, Word

Locale = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")]


class ConsentRequest(Incoming):
    """What the customer did, as evidence; the purpose stands in the address.

    A yes (`given`, `renewed`) needs mechanism and evidence. A refusal needs nothing, and nothing
    beside it is looked at.
    """

    state: Literal["given", "renewed", "refused"] = "given"
    mechanism: Annotated[str, Field(max_length=200)] = ""
    evidence: Annotated[str, Field(max_length=2_000)] = ""
    occurred_at: Word | None = None
    explicit: StrictBool = False
    notice_id: Word | None = None
    notice_version: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] | None = None
    notice_hash: Word | None = None
    notice_locale: Word | None = None
    expires_at: Word | None = None
    guardian_evidence: Annotated[str, Field(max_length=2_000)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _a_no_is_enough(cls, sent: object) -> object:
        refused = isinstance(sent, dict) and sent.get("state") == "refused"
        return {"state": "refused"} if refused else sent


class SubjectRequest(Incoming):
    """When a person comes of age, by that day or by their birthday, and whether they are staff."""

    adult_from: Word | None = None
    birth_date: Word | None = None
    relation: Literal["customer", "employee"] | None = None

    @model_validator(mode="after")
    def _one_day(self) -> Self:
        if self.adult_from is not None and self.birth_date is not None:
            raise ValueError("give adult_from or birth_date, not both")
        return self


class PreferenceLinkRequest(Incoming):
    """In which language the page opens; without it, in that of the browser."""

    locale: Locale | None = None


class StopLinkRequest(Incoming):
    """What the link stops: `outreach.<channel>`, or `everything`."""

    what: Word = "everything"


class NoticeRequest(Incoming):
    """Words to publish. A further language of a version needs only `words` and `locale`."""

    notice_id: Annotated[str, Field(min_length=1, max_length=100)]
    version: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)]
    words: Annotated[str, Field(min_length=1, max_length=100_000)]
    purposes: Annotated[tuple[Word, ...], Field(max_length=100)] = ()
    material: StrictBool = False
    locale: Locale = "en"
    expires_after_days: Annotated[StrictInt, Field(ge=1, le=36_500)] | None = None
