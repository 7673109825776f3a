"""What people wrote at a stage of the journey, read when asked and kept nowhere.

Words come only of those who permit `research_text`, redacted; and of a feeling that was read in
them, only of those who also permit `wellbeing_inference`. Both are judged at the wall clock.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from features.history import customer_ids
from features.text.narratives import Excerpt
from features.text.tagging import tag, themes_of
from governance.errors import InvalidInput
from outcomes.journey.stages import stages_of
from outcomes.themes import MOOD
from serving.bootstrap import Keepwell
from serving.text import rules_for
from serving.text_reading import draw_texts

MOST = 5
_LAYERS = ("emotion", "outcome")


def words_at(
    keepwell: Keepwell, stage: str, about: str, *, seed: int = 0, now: datetime
) -> tuple[Excerpt, ...]:
    """Draw up to five texts written at a stage that are about a theme or sound of a feeling.

    At most one per person; the log learns that they were read. Raises `InvalidInput` for a stage
    there is not, `PermissionRefused` where nobody permits it.
    """
    kinds = _kinds(keepwell, stage)
    rules = rules_for(keepwell.home.root)
    is_theme = about in {each.name for each in rules.themes}

    def speaks(text: str) -> bool:
        if is_theme:
            return about in themes_of(text, rules)
        read = tag(text, rules)
        return any(about in read.tags(layer) for layer in _LAYERS)

    def people(conn: Connection) -> Sequence[str]:
        everyone = customer_ids(conn)
        if is_theme:
            return everyone
        return sorted(keepwell.registry.permit_many(conn, MOOD, everyone, now=now)[0].customers)

    return draw_texts(
        keepwell,
        speaks,
        where="journey",
        size=MOST,
        seed=seed,
        now=now,
        kinds=kinds,
        people=people,
    )


def _kinds(keepwell: Keepwell, stage: str) -> tuple[str, ...]:
    for each in stages_of(keepwell.settings.journey):
        if each.name == stage:
            return each.kinds
    raise InvalidInput("there is no such stage", hint="choose one on the journey map")
