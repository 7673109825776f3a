"""What fills the pages of experiments: verdicts in words, differences with their intervals."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from serving.interventions.lots.experiments import TrialExperiment
from serving.pages.pictures.ranges import Range
from serving.pages.staff import in_words
from serving.reporting.trial_look import TrialLook
from serving.scoring.chance import percent

SAID: Mapping[str, str] = {
    "compared": "Compared anew.",
    "resumed": "The playbook goes on; its next run draws a new experiment.",
}
"""What was done, by the code in the address."""

_NAMES: Mapping[str, str] = {
    "retained": "Stayed",
    "margin": "Margin per person",
    "net_sales": "Net sales per person",
    "sentiment": "How their texts sound",
    "wellbeing": "Well-being",
    "unsubscribed": "Unsubscribed",
    "complained": "Complained",
    "stopped": "Took back permission",
}
_VERDICTS: Mapping[str, str] = {
    "helped": "better",
    "harmed": "worse",
    "cannot say": "cannot be told from none",
    "withheld": "not told: the arms should not be compared",
}
_KINDS: Mapping[str, str] = {"helped": "good", "harmed": "bad", "withheld": "unsure"}
_FOLLOWED: Mapping[str, str] = {"yes": "good", "no": "bad", "not yet": "unsure"}


class Row(NamedTuple):
    """One experiment in the list; `change` is the outcome it is about, in words."""

    trial: TrialExperiment
    href: str
    verdict: str
    kind: str
    change: str
    people: str


class OutcomeRow(NamedTuple):
    """One comparison in the words of a table; `kind` is good, bad, unsure or empty."""

    name: str
    says: str
    treated: str
    held_out: str
    difference: str
    adjusted: str
    verdict: str
    kind: str
    note: str


class Verdict(NamedTuple):
    """What one experiment comes to, in a sentence, and why."""

    text: str
    kind: str
    reason: str


def href_of(experiment: str) -> str:
    """Give the address of an experiment's page."""
    return f"/staff/experiments/{experiment}"


def rows_of(trials: Iterable[TrialExperiment], looks: Mapping[str, TrialLook]) -> tuple[Row, ...]:
    """Give the list of experiments with what the last look at each found."""
    return tuple(_row(each, looks.get(each.experiment)) for each in trials)


def state_words(trial: TrialExperiment) -> str:
    """Say how an experiment stands."""
    if trial.stopped_for is None:
        return {"running": "running", "ended": "ended"}.get(trial.status, trial.status)
    went_on = ", gone on since" if trial.resumed_at is not None else ""
    return f"stopped for {trial.stopped_for}{went_on}"


def state_kind(trial: TrialExperiment) -> str:
    """Say whether a state is good, bad or unsure."""
    return {"benefit": "good", "harm": "bad"}.get(trial.stopped_for or "", "")


def contacts_words(trial: TrialExperiment) -> str:
    """Say whom the playbook may reach now."""
    if trial.contacts == "nobody":
        return "nobody, until a person lets it go on"
    if trial.contacts == "everyone":
        return "everyone it is meant for: nobody is left alone any more"
    return f"those drawn; {percent(trial.holdout_share)} are left alone by lot"


def verdict_of(look: TrialLook | None) -> Verdict:
    """Say in a sentence what the last look came to."""
    if look is None:
        return Verdict("Not compared yet", "", "Compare now to see what can be said so far.")
    lift = look.lift
    if lift is None:
        return Verdict("Nothing can be compared", "unsure", look.trial.why_no_lift)
    word = lift["verdict"]
    if word == "cannot say" and not lift["treated"]:
        days = lift["horizon_days"]
        reason = f"Nobody’s {days} days are over yet; {lift['waiting']:,} people are within them."
        return Verdict("Too early to say", "", reason)
    text = {
        "helped": "It helped",
        "harmed": "It harmed",
        "cannot say": "Its effect cannot be told from none",
        "withheld": "No result: the arms should not be compared",
    }[word]
    return Verdict(text, _KINDS.get(word, ""), _in_words(str(lift["reason"])))


def outcome_rows(found: Sequence[Mapping[str, Any]], *, named: str = "outcome") -> list[OutcomeRow]:
    """Give comparisons as rows; `named` is what a row is called after: outcome, segment or day."""
    return [_outcome(each, named) for each in found]


def ranges_of(found: Sequence[Mapping[str, Any]], *, named: str = "outcome") -> list[Range]:
    """Give what a picture of the differences in shares shows, in percentage points."""
    return [
        Range(
            _name(each, named),
            100 * each["raw"]["difference"],
            100 * each["raw"]["low"],
            100 * each["raw"]["high"],
            _signed(100 * each["raw"]["difference"]),
        )
        for each in found
        if each["unit"] == "share" and each["raw"]["difference"] is not None
    ]


def alt_of(ranges: Sequence[Range]) -> str:
    """Say what a picture of ranges shows."""
    told = "; ".join(
        f"{each.label} {each.said} points, {_signed(each.low or 0)} to {_signed(each.high or 0)}"
        for each in ranges
    )
    return f"Contacted less left alone, in percentage points: {told}"


def level_words(lift: Mapping[str, Any]) -> str:
    """Say what the intervals hold for."""
    looked = lift["intervals"] == "always valid"
    kind = "they hold at every look while it runs" if looked else "for the look at its end"
    return f"{percent(lift['level'])} intervals: {kind}."


def followed_kind(word: str) -> str:
    """Say whether a point of the plan was followed, as a colour."""
    return _FOLLOWED.get(word, "")


def share_words(found: Mapping[str, float] | None) -> str:
    """Write a share with its interval."""
    if found is None:
        return "too few"
    return in_words.share((found["value"], found["low"], found["high"]))


def _row(trial: TrialExperiment, look: TrialLook | None) -> Row:
    verdict = verdict_of(look)
    lift = None if look is None else look.lift
    change = people = ""
    if lift is not None:
        people = f"{lift['treated']:,} and {lift['held_out']:,}"
        main = next(iter(lift["outcomes"]), None)
        if main is not None and main["raw"]["difference"] is not None:
            change = f"{_name(main, 'outcome').lower()} {_interval(main, main['raw'])}"
    return Row(trial, href_of(trial.experiment), verdict.text, verdict.kind, change, people)


def _outcome(each: Mapping[str, Any], named: str) -> OutcomeRow:
    raw, word = each["raw"], each["verdict"]
    told, withheld = raw["difference"] is not None, word == "withheld"
    untold = "withheld" if withheld else "too few people"
    return OutcomeRow(
        name=_name(each, named),
        says=each["says"],
        treated=_level(each, raw["treated_mean"]),
        held_out=_level(each, raw["control_mean"]),
        difference=_interval(each, raw) if told else untold,
        adjusted=_adjusted(each),
        verdict=_VERDICTS.get(word, word) if told or withheld else "cannot say",
        kind=_KINDS.get(word, "") if told or withheld else "",
        note=each["note"] if each["note"] != "too few people" else "",
    )


def _in_words(reason: str) -> str:
    """Begin a reason with the outcome as pages call it: `Stayed: the whole interval …`."""
    outcome, colon, why = reason.partition(": ")
    return f"{_NAMES[outcome]}: {why}" if colon and outcome in _NAMES else reason.capitalize()


def _name(each: Mapping[str, Any], named: str) -> str:
    if named == "segment":
        return f"{str(each['segment']).capitalize()}"
    if named == "day":
        return f"Active {each['horizon_days']} days later"
    return _NAMES.get(each["outcome"], str(each["outcome"]).replace("_", " "))


def _level(each: Mapping[str, Any], value: float | None) -> str:
    if value is None:
        return "–"
    if each["unit"] == "share":
        return f"{in_words.number(100 * value)}{in_words.THIN}%"
    return in_words.number(value, 2)


def _adjusted(each: Mapping[str, Any]) -> str:
    found = each["adjusted"]
    return "" if found is None or found["difference"] is None else _interval(each, found)


def _interval(each: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    scale, digits, unit = (
        (100.0, 1, "points") if each["unit"] == "share" else (1.0, 2, each["unit"])
    )
    ends = scale * found["difference"], scale * found["low"], scale * found["high"]
    return in_words.figure(ends, unit, digits, signed=True)


def _signed(value: float) -> str:
    return in_words.number(value, signed=True)
