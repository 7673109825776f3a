"""Mistakes of settings in words: where each is, what it is, and which name was likely meant."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

Place = tuple[str | int, ...]
_UNKNOWN = "there is no such setting"


def mistakes_of(
    error: ValidationError,
    model: type[BaseModel],
    variables: Mapping[tuple[str, ...], str] | None = None,
) -> list[str]:
    """Say where each mistake of some settings of `model` is, and what it is.

    `variables` are those of the environment by the place they set: a mistake that came by one is
    named by it.
    """
    found = []
    for each in error.errors(include_input=False, include_url=False):
        place: Place = each["loc"]
        by = _variable_of(place, variables or {})
        named = ".".join(str(step) for step in place) if by is None else by[1]
        if each["type"] == "extra_forbidden":
            told = _UNKNOWN + _meant(place, model, by)
        else:
            told = each["msg"].removeprefix("Value error, ")
        found.append(f"{named}: {told}")
    return found


def _variable_of(
    place: Place, variables: Mapping[tuple[str, ...], str]
) -> tuple[tuple[str, ...], str] | None:
    """Find the variable that set `place`, or something below it."""
    for steps, variable in variables.items():
        if steps[: len(place)] == place:
            return steps, variable
    return None


def _meant(place: Place, model: type[BaseModel], by: tuple[tuple[str, ...], str] | None) -> str:
    """Ask whether the nearest name was meant, spelt as the mistake was."""
    wrong = str(place[-1])
    near = get_close_matches(wrong, _names(place[:-1], model), n=1)
    if not near:
        return ""
    if by is None:
        return f"; did you mean {near[0]}?"
    steps, variable = by
    prefix = variable.removesuffix("__".join(steps).upper())
    meant = (*steps[: len(place) - 1], near[0], *steps[len(place) :])
    return f"; did you mean {prefix}{'__'.join(meant).upper()}?"


def _names(place: Place, model: type[BaseModel]) -> list[str]:
    """Name the settings there are where `place` leads to."""
    records = [model]
    for step in place:
        within = [each.model_fields[step] for each in records if step in each.model_fields]
        if within:
            records = [record for field in within for record in _records(field.annotation)]
    return [field.alias or name for each in records for name, field in each.model_fields.items()]


def _records(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inside in get_args(annotation):
        yield from _records(inside)
