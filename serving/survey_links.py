"""Links by which somebody answers the survey of one message: sealed, soon ended, telling nothing.

A link names the intervention that asks and the random id of the person asked, so it leads nowhere
after an erasure. It is not stored. Following it changes nothing; answering needs a button.
"""

from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlencode

from governance.instants import from_micros, to_micros
from serving.keys import HomeKeys
from serving.link_seals import seal, unseal

_KIND = "q"
_PERSON = "person_"


class SurveyLink(NamedTuple):
    """What a survey link says: which message asks, whom, and until when."""

    intervention_id: str
    person_id: str
    expires_at: datetime


def survey_link(
    keys: HomeKeys, intervention_id: str, person_id: str, *, expires_at: datetime, base_url: str
) -> str:
    """Write the address under which the person answers; it ends at `expires_at`, to the second."""
    ends = str(to_micros(expires_at) // 1_000_000)
    token = seal(keys, _KIND, [person_id.removeprefix(_PERSON), intervention_id, ends])
    return f"{base_url.rstrip('/')}/survey?{urlencode({'token': token})}"


def open_survey_link(keys: HomeKeys, token: str) -> SurveyLink | None:
    """Read a survey link, whether it has ended or not; None when the seal does not fit."""
    parts = unseal(keys, _KIND, token)
    if parts is None:
        return None
    person, intervention_id, ends = parts
    return SurveyLink(intervention_id, _PERSON + person, from_micros(int(ends) * 1_000_000))
