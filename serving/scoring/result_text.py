"""What decisions of a batch keep of their scores, as canonical JSON written by templates.

The same as `estimate.result_of` gives, but that reasons leave their members out: with the features
and the model, whose digests the decision keeps, they can be worked out again, and they are three
quarters of what there would be to keep.
"""

from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring_ascii as quoted

from features.definitions import FeatureDefinition
from governance.canonical import canonical
from serving.scoring.moved import Moved
from serving.scoring.outlook import NOTHING, Outlook
from serving.scoring.told_groups import grouped
from training.model import Scores


def result_texts(
    scores: Scores,
    told: Moved,
    outlooks: Sequence[Outlook],
    definitions: tuple[FeatureDefinition, ...],
    purposes: Sequence[str],
    *,
    horizon_days: int,
    currency: str | None,
) -> Iterator[str]:
    """Give the results of n people who are scored; `purposes` (n,) are lists in canonical JSON."""
    groups = grouped(definitions)
    names, titles = [quoted(each) for each in groups.names], [quoted(x) for x in groups.titles]
    reasons = [
        f'{{"contribution":{contribution!r},"feature":{names[feature]},"group":{titles[group]},'
        f'"text":{quoted(text)},"value":{"null" if value != value else repr(value)}}}'
        for contribution, feature, group, text, value in zip(
            told.contribution.tolist(),
            told.feature.tolist(),
            told.group.tolist(),
            told.text,
            told.value.tolist(),
            strict=True,
        )
    ]
    at = told.at.tolist()
    numbers = (scores.probability, scores.low, scores.high, scores.log_odds)
    rows = zip(*(column.tolist() for column in numbers), strict=True)
    for person, (probability, low, high, log_odds) in enumerate(rows):
        days, horizons, value = _parts(outlooks[person], currency)
        yield (
            f'{{"base":{scores.base!r},{days}"high":{high!r},"horizon_days":{horizon_days},'
            f'{horizons}"log_odds":{log_odds!r},"low":{low!r},"method":"model",'
            f'"probability":{probability!r},"purposes":{purposes[person]},'
            f'"reasons":[{",".join(reasons[at[person] : at[person + 1]])}]{value}}}'
        )


def _parts(outlook: Outlook, currency: str | None) -> tuple[str, str, str]:
    """Write what a target says beside its probability, where it belongs in the order of keys."""
    if outlook is NOTHING:
        return "", "", ""
    found = outlook._replace(horizons=()).to_json(currency)
    before = "".join(
        f'"{name}":{canonical(found[name])},' for name in ("categories", "days") if name in found
    )
    horizons = ",".join(_horizon(*each) for each in outlook.horizons)
    after = f',"value":{canonical(found["value"])}' if "value" in found else ""
    return before, f'"horizons":[{horizons}],' if horizons else "", after


def _horizon(horizon_days: int, probability: float, low: float, high: float) -> str:
    return (
        f'{{"high":{high!r},"horizon_days":{horizon_days},"low":{low!r},'
        f'"probability":{probability!r}}}'
    )
