"""Whether playbooks fit a home: its targets, its well-being, and what its models read.

A commercial playbook is refused where the model that serves its target, or the newest one put
before the reviewers, reads how people are faring. The policy refuses the same at every run, so a
model that is approved later changes nothing about it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import NamedTuple

from features.wellbeing.settings import parse_scheme
from governance.errors import ConfigurationError, IntegrityBroken, NotFound
from governance.review.candidates import list_models
from governance.review.reviews import champion
from serving.bootstrap import Keepwell
from serving.interventions.playbooks.playbook import Playbook
from serving.interventions.playbooks.pressure import pressing_phrases, selling_words
from serving.interventions.playbooks.sensitive import sensitive_features
from serving.scoring.champions import open_bundle

CHANNELS = ("email", "phone", "letter", "sms", "chat", "in_app", "push", "visit")
"""What people are usually reached by; a channel may be called otherwise."""


class Refused(NamedTuple):
    """A commercial playbook whose model reads how people are faring, by these features."""

    playbook: str
    target: str
    model_digest: str
    status: str
    features: tuple[str, ...]


class HomeCheck(NamedTuple):
    """What is wrong (`problems`), what to think about (`warnings`), and what may not be at all."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    refused: tuple[Refused, ...]


class _Model(NamedTuple):
    """One model that serves a target, or may soon."""

    digest: str
    status: str
    features: tuple[str, ...]
    sensitive: tuple[str, ...]


def warnings_of(playbooks: Sequence[Playbook]) -> tuple[str, ...]:
    """Point out what a file may say, and had better not."""
    found = []
    for each in playbooks:
        phrases = pressing_phrases([each.subject, each.body])
        if phrases:
            told = ", ".join(f"“{phrase}”" for phrase in phrases)
            found.append(f"{each.name}: its words press people ({told}); say it without")
        if each.channel not in CHANNELS:
            near = get_close_matches(each.channel, CHANNELS, n=1)
            meant = f"; did you mean {near[0]}?" if near else ", which is none of the usual ones"
            found.append(f"{each.name}: its channel is {each.channel!r}{meant}")
        sells = selling_words([each.subject, each.body, each.value])
        if sells and each.kind == "outreach" and not each.commercial:
            told = ", ".join(f"“{word}”" for word in sells)
            found.append(
                f"{each.name}: its words look as if it sold something ({told}); say commercial = "
                "true where it does"
            )
        if each.dimension is not None and not each.distress and each.holdout_share > 0:
            found.append(
                f"{each.name}: some who are faring badly are held out of it; say distress = true "
                "where they need it"
            )
    return tuple(found)


def undeclared(playbooks: Sequence[Playbook], targets: Collection[str]) -> tuple[str, ...]:
    """Point out targets that only a home could declare, where none is at hand."""
    return tuple(
        f"{each.name}: its target {each.target!r} is none of {', '.join(sorted(targets))}; "
        "a home must declare it in keepwell.toml"
        for each in playbooks
        if each.target is not None and each.target not in targets
    )


def check_in_home(keepwell: Keepwell, playbooks: Sequence[Playbook], *, now: datetime) -> HomeCheck:
    """Hold playbooks against a home's targets, dimensions, models and settings."""
    problems, warnings, refused = list[str](), [*warnings_of(playbooks)], list[Refused]()
    dimensions = parse_scheme(keepwell.settings.wellbeing, source="[wellbeing]").names
    models = {
        target: _models(keepwell, target, now=now)
        for target in {each.target for each in playbooks if each.target is not None}
        if target in keepwell.targets
    }
    for each in playbooks:
        if each.dimension is not None and each.dimension not in dimensions:
            problems.append(
                f"{each.name}: dimension is {each.dimension!r}, but there is "
                f"{', '.join(dimensions)} in this home"
            )
        if each.survey is not None and each.survey.comment and not keepwell.settings.keep_text:
            warnings.append(f"{each.name}: comments are off, as keep_text is off in keepwell.toml")
        if each.target is None:
            continue
        if each.target not in keepwell.targets:
            problems.append(
                f"{each.name}: target is {each.target!r}, but there is "
                f"{', '.join(sorted(keepwell.targets))} in this home"
            )
            continue
        serving = models[each.target]
        if not serving:
            warnings.append(f"{each.name}: no model of {each.target} was approved or put forward")
        for model in serving:
            if each.commercial and model.sensitive:
                refused.append(
                    Refused(each.name, each.target, model.digest, model.status, model.sensitive)
                )
            if each.reason is not None and not any(
                fnmatchcase(name, each.reason) for name in model.features
            ):
                warnings.append(
                    f"{each.name}: no feature of the {model.status} model {model.digest[:12]}… is "
                    f"called {each.reason}, so it would choose nobody"
                )
    return HomeCheck(tuple(problems), tuple(warnings), tuple(refused))


def _models(keepwell: Keepwell, target: str, *, now: datetime) -> list[_Model]:
    """Read what the approved model of a target reads, and the newest one put forward since."""
    with keepwell.database.read() as conn:
        approval = champion(conn, target, now=now)
        newest = max(
            (each for each in list_models(conn, target=target) if each.status == "candidate"),
            key=lambda each: each.created_at,
            default=None,
        )
    wanted = {} if approval is None else {approval.model_digest: "approved"}
    if newest is not None:
        wanted.setdefault(newest.model_digest, "candidate")
    found = []
    for digest, status in wanted.items():
        try:
            definitions = open_bundle(keepwell.home, digest).definitions
        except (ConfigurationError, IntegrityBroken, NotFound):
            continue  # its files are damaged or gone: it cannot serve, and `doctor` says so
        names = tuple(each.name for each in definitions)
        found.append(_Model(digest, status, names, sensitive_features(definitions)))
    return found
