"""A person's own data as a page they can read, and the record of processing as one to print."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from governance.consent.processing import handled
from governance.consent.purposes import OBJECTION, family_of
from serving.interventions.delivery.desk import STATUSES
from serving.rights.processing_record import ProcessingRecord

_NEVER = frozenset({"digest", "subject", "kind", "occurred_at", "known_at", "event_id"})


def render_export(found: Mapping[str, Any]) -> str:
    """Fill the page with what `rights.export` gave; self-contained, asks for nothing outside."""
    people = [found, *found.get("merged", ())]
    return _page("export.html.j2", d=found, people=[_person(each) for each in people])


def render_processing_record(record: ProcessingRecord) -> str:
    """Fill the page of the record of processing activities."""
    return _page("processing_record.html.j2", r=record)


def processing_record_text(record: ProcessingRecord) -> str:
    """Give the record as Markdown."""
    environment = _templates(autoescape=False)
    return environment.get_template("processing_record.md.j2").render(r=record)


def _person(each: Mapping[str, Any]) -> dict[str, Any]:
    """Group what is held under one id as a person would look for it."""
    kinds: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for event in each.get("events", ()):
        kinds[event["kind"]].append(event)
    return {
        "id": each["customer_id"],
        "words": sorted(each.get("consents", ()), key=lambda word: str(word["occurred_at"])),
        "kinds": sorted(kinds.items(), key=lambda found: (-len(found[1]), found[0])),
        "decisions": [_decision(one) for one in reversed(each.get("decisions", ()))],
        "protected": each.get("protected_attributes", {}),
        "labels": each.get("given_labels", ()),
        "links": each.get("links", ()),
        "accounts": each.get("accounts", ()),
        "contacts": [
            {
                "reason": "",
                "decided_by": "",
                **contact,
                "said": STATUSES.get(contact["status"], contact["status"]),
            }
            for contact in each.get("interventions", ())
        ],
        "messages": each.get("outbox", ()),
        "requests": each.get("review_requests", ()),
        "complaints": each.get("complaints", ()),
        "codes": each.get("step_up_codes", ()),
        "trained": each.get("trained_into", ()),
        "about": each.get("about"),
        "person_id": each.get("person_id"),
    }


def _decision(one: Mapping[str, Any]) -> dict[str, Any]:
    result = one.get("result") or {}
    reasons = [str(each.get("text", "")) for each in result.get("reasons", ())]
    return {**one, "probability": result.get("probability"), "reasons": [r for r in reasons if r]}


def _purpose(name: str) -> str:
    """Say what a purpose means: to estimate whether you may leave."""
    if name == OBJECTION:
        return "your objection"
    try:
        title = handled(family_of(name)).title
    except (KeyError, ValueError):
        return name.replace("_", " ")
    member = name.partition(".")[2]
    return f"{title} ({member})" if member else title


def _details(event: Mapping[str, Any]) -> str:
    """Tell everything an event holds beside its kind and time."""
    told = []
    for name, value in event.items():
        if name in _NEVER or value in (None, "", {}, 1) or name.startswith("digest"):
            continue
        if isinstance(value, Mapping):
            told += [f"{key}: {each}" for key, each in value.items()]
        else:
            told.append(f"{name.replace('_', ' ')}: {value}")
    return " · ".join(told)


def _page(name: str, **values: Any) -> str:
    return _templates(autoescape=True).get_template(name).render(**values)


@cache
def _templates(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("serving.pages", "templates"),
        autoescape=autoescape,  # noqa: S701 - Markdown alone goes without
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["minute"] = lambda text: str(text)[:16].replace("T", " ") + " UTC"
    environment.filters["day"] = lambda text: str(text)[:10]
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    environment.filters["purpose"] = _purpose
    environment.filters["details"] = _details
    environment.filters["percent"] = lambda share: f"{100 * float(share):.0f} %"
    return environment
