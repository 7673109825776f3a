"""What people wrote at a stage of the journey, read when asked and kept nowhere.

Words come only of those who permit `research_text`, redacted; and of a feeling that was read in
them, only of those who also permit `wellbeing_inference`. Both are judged at the wall clock.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from features.history import customer_ids, read_all
from features.text.narratives import PURPOSE, Excerpt, sample_texts
from features.text.tagging import tag, themes_of
from governance.errors import InvalidInput, PermissionRefused
from outcomes.journey.stages import stages_of
from outcomes.themes import MOOD
from serving.bootstrap import Keepwell
from serving.text import rules_for

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

    with keepwell.database.read() as conn:
        people: Sequence[str] = customer_ids(conn)
        if not is_theme:
            feelings, _ = keepwell.registry.permit_many(conn, MOOD, people, now=now)
            people = sorted(feelings.customers)
        permit, _ = keepwell.registry.permit_many(conn, PURPOSE, people, now=now)
        if not permit.customers:
            raise PermissionRefused(
                f"nobody permits {PURPOSE}",
                purpose=PURPOSE,
                reason="no_permission",
                hint="people allow it on the page with their choices, or not",
            )
        histories = read_all(conn, keepwell.store, permit, digests=False)
    rng = np.random.default_rng(seed)
    found = sample_texts(histories, permit, rng, as_of=now, size=MOST, kinds=kinds, where=speaks)
    body = {
        "where": "journey",
        "purpose": PURPOSE,
        "permitted": len(permit.customers),
        "texts": len(found),
    }
    with keepwell.database.write() as conn:
        keepwell.ledger.append(conn, "texts_read", body, now=now)
    return found


def _kinds(keepwell: Keepwell, stage: str) -> tuple[str, ...]:
    for each in stages_of(keepwell.settings.journey):
        if each.name == stage:
            return each.kinds
    raise InvalidInput("there is no such stage", hint="choose one on the journey map")
