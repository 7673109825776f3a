"""A home's settings: `keepwell.toml`, then `KEEPWELL_*` from the environment, checked at once.

`KEEPWELL_DATABASE_URL` sets `database_url`, `KEEPWELL_WEBHOOK__URL` sets `url` of `[webhook]`, and
`KEEPWELL_DATABASE_URL_FILE` names a file that holds the value, as secrets of containers do.
This is the one module that reads the environment.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from features.own_features import draft_own_features
from features.targets.declared import declare_all
from features.targets.target import OutsideEvent, Target
from features.wellbeing.scheme import FIVE
from features.wellbeing.settings import parse_scheme
from governance.errors import ConfigurationError, InvalidInput
from governance.instants import parse_instant, to_micros
from outcomes.journey.stages import stages_of
from outcomes.measures.own import parse as parse_own_measures
from serving.settings_acting import ContactSettings, EmailSettings
from serving.settings_mistakes import mistakes_of
from serving.settings_permission import ControllerSettings, PreferenceSettings
from serving.settings_rights import RetentionSettings, RightsSettings
from serving.settings_service import (
    LimitSettings,
    ServiceSettings,
    SparkSettings,
    WebhookSettings,
)

HomeKind = Literal["production", "demo", "evaluation"]
Mode = Literal["observe", "advise", "act"]
PREFIX = "KEEPWELL_"
_FROM_FILE = "_FILE"
NOT_SETTINGS = {
    "HOME": "where the home is, where `--home` does not say it",
    "SIGNING_KEY": "the reviewer's key, where `--key` does not say it",
    "APPROVAL_KEY": "the key of whoever decides on contacts, where `--key` does not say it",
    "KEY": "the key of whoever freezes a plan or ends an experiment, where `--key` does not say it",
    "ENROLMENT_KEY": "the enrolment key, where `--enrolment-key` does not say it",
    "EMAIL_PASSWORD": "the password of the mail server, where `password_env` names no other",
    "DEBUG": "anything: errors show where they come from, with data; never in production",
    "WORKERS": "how many worker processes; `keepwell serve` sets it",
    "REQUIRE_ALL": "tests fail instead of leaving something out",
}
"""What else the environment may say, and is no setting of a home."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PurposeSettings(_Record):
    """What carries one purpose; what it asks for beside is checked by the table of purposes.

    Legitimate interest states the sha256 of its written `assessment`, a recorded basis its
    `statement` in words.
    """

    basis: Literal[
        "consent", "explicit_consent", "legitimate_interest", "contract", "recorded_basis"
    ] = Field(description="what carries the purpose")
    assessment: str | None = Field(
        default=None, description="sha256 of the written assessment, for legitimate interest"
    )
    statement: str = Field(
        default="", description="the legal basis in words, where it is a recorded one"
    )


class TargetSettings(_Record):
    """What a model predicts; what is not stated follows from kind and name (docs/targets.md)."""

    kind: (
        Literal[
            "inactivity",
            "given",
            "silence",
            "contract",
            "event",
            "next_need",
            "clv",
            "wellbeing_decline",
            "sentiment_shift",
        ]
        | None
    ) = Field(
        default=None, description="what is predicted; follows from the name where it is a known one"
    )
    horizon_days: int | None = Field(
        default=None, ge=1, le=730, description="how far ahead, in days"
    )
    horizons: tuple[Annotated[int, Field(ge=1, le=730)], ...] | None = Field(
        default=None, min_length=1, description="shorter horizons that come from the same training"
    )
    active_window_days: int | None = Field(
        default=None, ge=1, description="who is active: something happened within so many days"
    )
    event_kind: str | None = Field(
        default=None, description="the event that is predicted or counted"
    )
    purpose: str | None = Field(default=None, description="the purpose that carries the prediction")
    where: Mapping[str, str | bool | int | float] | None = Field(
        default=None, description="which events of the kind count, by their properties"
    )
    silence_days: int | None = Field(
        default=None, ge=1, description="for how long nothing must happen to count as silence"
    )
    term_days: int | None = Field(default=None, ge=1, description="how long a contract runs")
    reason: Literal["any", "voluntary", "involuntary"] | None = Field(
        default=None, description="which cancellations count"
    )
    category: str | None = Field(
        default=None, description="the property whose next value is predicted"
    )
    margin_share: float | None = Field(
        default=None, gt=0, le=1, description="the share of a value that is margin"
    )
    discount_rate: float | None = Field(
        default=None, ge=0, lt=1, description="by how much later money counts less, per year"
    )
    dimension: str | None = Field(default=None, description="the dimension of well-being")
    amount: float | None = Field(default=None, gt=0, description="how far it must fall")
    baseline_days: int | None = Field(
        default=None, ge=1, description="over how many days the level before is taken"
    )
    min_reports: int | None = Field(
        default=None, ge=2, description="how many reports there must be"
    )
    calendar: Literal["leave_out", "ignore"] | None = Field(
        default=None, description="what happens to periods named in [[calendar]]"
    )

    def stated(self) -> dict[str, Any]:
        """What was stated, as `features.targets.declared` takes it."""
        found = {name: value for name, value in self if value is not None}
        if self.where is not None:
            found["where"] = tuple(sorted((name, str(each)) for name, each in self.where.items()))
        return found


class CalendarSettings(_Record):
    """Something outside that moves many people at once: [from, until), dates or instants."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(min_length=1, description="what happened")
    since: str = Field(alias="from", description="when it began")
    until: str = Field(description="when it was over")

    @field_validator("since", "until", mode="before")
    @classmethod
    def _as_text(cls, stated: Any) -> Any:
        return stated.isoformat() if isinstance(stated, date) else stated

    def event(self, zone: ZoneInfo) -> OutsideEvent:
        """Read it on the clocks of the home; raises `InvalidInput` for what is no time span."""
        since, until = (to_micros(parse_instant(each, zone)) for each in (self.since, self.until))
        if since >= until:
            raise InvalidInput(f"{self.name}: from {self.since} until {self.until} is no time span")
        return OutsideEvent(self.name, since, until)


class GateSettings(_Record):
    """When a model may go to review; what is not stated keeps the gate's own default.

    `fairness_blocks`: modes in which a model is not used whose fairness was not shown.
    """

    min_auc_over_baseline_low: float | None = Field(
        default=None,
        description="by how much the AUC must beat the best baseline at least",
    )
    max_ece: float | None = Field(
        default=None, gt=0, le=1, description="how far probabilities may be off, on average"
    )
    min_test_positives: int | None = Field(
        default=None, ge=1, description="how many test customers must have had the outcome"
    )
    max_rate_gap: float | None = Field(
        default=None, gt=0, le=1, description="how far apart groups may be selected"
    )
    max_calibration_gap: float | None = Field(
        default=None, gt=0, le=1, description="how far apart the calibration of groups may be"
    )
    min_group: int | None = Field(
        default=None, ge=5, description="how many people a group must have to be judged"
    )
    fairness_required: bool | None = Field(
        default=None, description="whether fairness must be shown"
    )
    max_score_psi: float | None = Field(
        default=None, gt=0, description="how far scores may have moved since the last signed model"
    )
    min_permission_share: float | None = Field(
        default=None, ge=0, le=1, description="how many of all customers must permit it"
    )
    fairness_blocks: frozenset[Literal["act", "advise"]] = Field(
        default=frozenset({"act"}),
        description="modes in which a model is not used whose fairness was not shown",
    )


class CostSettings(_Record):
    """What contacting a customer costs and brings, by the company's own figures.

    `margin` per kept customer, or `margin_feature` times `margin_share`. `sources` says where a
    figure comes from; every one is printed as an assumption.
    """

    contact_cost: float = Field(ge=0, description="what one contact costs")
    success_rate: float = Field(
        gt=0, le=1, description="how many of those who would leave stay when contacted"
    )
    margin: float | None = Field(default=None, gt=0, description="what a kept customer brings")
    margin_feature: str = Field(
        default="", description="the feature the margin is taken from, instead"
    )
    margin_share: float = Field(
        default=1.0, gt=0, le=1, description="how much of that feature is margin"
    )
    incentive_cost: float = Field(default=0.0, ge=0, description="what an incentive costs")
    incentive_uptake: float = Field(default=1.0, ge=0, le=1, description="how many take it")
    sources: Mapping[str, str] = Field(
        default_factory=dict, description="where each figure comes from"
    )

    @model_validator(mode="after")
    def _one_margin(self) -> Self:
        if (self.margin is None) == (not self.margin_feature):
            raise ValueError("state margin, or the margin_feature to take it from, and not both")
        unknown = sorted(set(self.sources) - (set(CostSettings.model_fields) - {"sources"}))
        if unknown:
            raise ValueError(f"sources names {', '.join(unknown)}, which is no figure of [costs]")
        return self


class MonitoringSettings(_Record):
    """How far a serving model may move, and what happens when it has moved too far.

    `on_stale`: `warn` goes on scoring and says so, `stop` answers "insufficient data" until the
    model is trained or reviewed again. The limits are those of `training.watch.standing.Limits`.
    """

    on_stale: Literal["warn", "stop"] = Field(
        default="warn", description="whether a stale model goes on scoring or answers no more"
    )
    every_hours: int = Field(default=24, ge=1, description="how often the service looks")
    review_after_days: int = Field(
        default=365, ge=1, description="when a model must be reviewed again"
    )
    max_feature_psi: float = Field(
        default=0.2, gt=0, description="how far an important feature may move"
    )
    max_score_psi: float = Field(default=0.2, gt=0, description="how far scores may move")
    max_auc_loss: float = Field(default=0.02, ge=0, le=1, description="how much AUC may be lost")
    max_gap: float = Field(
        default=0.05, gt=0, le=1, description="how far outcomes may be off the promise"
    )


class Settings(_Record):
    """Everything a company has decided about its home."""

    kind: HomeKind = Field(
        default="production", description="what the home is for; it keeps its kind for life"
    )
    timezone: str = Field(
        default="UTC", description="the zone in which bare dates begin at midnight"
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(
        default="EUR", description="the home's currency"
    )
    database_url: str | None = Field(
        default=None, description="a PostgreSQL database instead of the SQLite file in `var/`"
    )
    mode: Mode = Field(
        default="observe", description="how far Keepwell goes by itself: look, propose, or contact"
    )
    keep_text: bool = Field(default=True, description="whether what customers write is kept")
    purposes: Mapping[str, PurposeSettings] = Field(
        default_factory=dict, description="what carries each purpose; see docs/consent-registry.md"
    )
    age_required: frozenset[str] = Field(
        default=frozenset(), description="purposes for which an unknown age denies"
    )
    min_people: int = Field(default=5, ge=5, description="below how many people no figure is told")
    targets: Mapping[str, TargetSettings] = Field(
        default_factory=lambda: {"churn": TargetSettings()},
        description="what is predicted; see docs/targets.md",
    )
    gate: GateSettings = GateSettings()
    costs: CostSettings | None = None
    contact: ContactSettings = ContactSettings()
    email: EmailSettings = EmailSettings()
    webhook: WebhookSettings = WebhookSettings()
    limits: LimitSettings = LimitSettings()
    service: ServiceSettings = ServiceSettings()
    spark: SparkSettings = SparkSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    controller: ControllerSettings = ControllerSettings()
    preferences: PreferenceSettings = PreferenceSettings()
    rights: RightsSettings = RightsSettings()
    retention: RetentionSettings = RetentionSettings()
    calendar: tuple[CalendarSettings, ...] = Field(
        default=(), description="what moved many people at once"
    )
    feature: tuple[Mapping[str, Any], ...] = Field(
        default=(), description="features of one's own; see docs/features.md"
    )
    measure: tuple[Mapping[str, Any], ...] = Field(
        default=(), description="measures of one's own; see docs/measures.md"
    )
    journey: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="stages of the journey, in order, each with its kinds; see docs/journey.md",
    )
    wellbeing: Mapping[str, Any] = Field(
        default_factory=dict, description="the scheme of well-being; see docs/wellbeing.md"
    )

    @field_validator("journey")
    @classmethod
    def _stages_that_can_be(
        cls, stated: Mapping[str, tuple[str, ...]]
    ) -> Mapping[str, tuple[str, ...]]:
        try:
            stages_of(stated)
        except ConfigurationError as error:
            raise ValueError("; ".join(error.problems)) from None
        return stated

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone; write it as Europe/Berlin") from None
        return name

    @field_validator("purposes", mode="before")
    @classmethod
    def _short_form(cls, purposes: Any) -> Any:
        """Take `risk_scoring = "consent"` for `risk_scoring = { basis = "consent" }`."""
        if not isinstance(purposes, Mapping):
            return purposes
        return {
            purpose: {"basis": value} if isinstance(value, str) else value
            for purpose, value in purposes.items()
        }

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which bare dates begin at midnight."""
        return ZoneInfo(self.timezone)

    def declared_targets(self) -> tuple[dict[str, Target], list[str]]:
        """Give the targets and every mistake in `[targets.…]` and `[[calendar]]`."""
        outside, mistakes = [], []
        for number, each in enumerate(self.calendar):
            try:
                outside.append(each.event(self.zone))
            except InvalidInput as error:
                mistakes.append(f"calendar.{number}: {error.message}")
        try:
            scheme = parse_scheme(self.wellbeing)
        except ConfigurationError:  # said by whoever reads [wellbeing] itself
            scheme = FIVE
        stated = {name: each.stated() for name, each in self.targets.items()}
        targets, wrong = declare_all(stated, scheme=scheme, outside=outside)
        return targets, [*mistakes, *wrong]


def load_settings(
    path: Path, environment: Mapping[str, str] | None = None, *, own_features: bool = True
) -> Settings:
    """Read the settings of a home; a missing file means every default.

    Raises `ConfigurationError` with all mistakes of the file and the environment together. Without
    `own_features` the `[[feature]]` tables are not looked at.
    """
    found: dict[str, Any] = {}
    mistakes: list[str] = []
    if path.exists():
        try:
            text = path.read_text(encoding="utf-8")
            found = tomllib.loads(text)
            if own_features:
                mistakes = [str(each) for each in draft_own_features(text).mistakes]
            parse_own_measures(found.get("measure", ()))
        except ConfigurationError as error:
            mistakes += error.problems
            found.pop("measure", None)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                [f"not readable as TOML: {error}"],
                source=path.name,
                hint=f"correct that line of {path}: name = value, text in double quotes",
            ) from None
    surroundings = os.environ if environment is None else environment
    _overlay(found, surroundings)
    if mistakes or not own_features:
        found.pop("feature", None)  # said already
    try:
        settings = Settings.model_validate(found)
    except ValidationError as error:
        mistakes = [
            *mistakes_of(error, Settings, _variables(surroundings)),
            *mistakes,
            *_mistakes_of_targets(found, error),
        ]
    else:
        mistakes = [*mistakes, *settings.declared_targets()[1]]
    if mistakes:
        raise ConfigurationError(
            mistakes,
            source=f"{path.name} (with the environment's {PREFIX}* over it)",
            hint=f"correct {path} or unset the variable",
        )
    return settings


def _mistakes_of_targets(found: Mapping[str, Any], error: ValidationError) -> list[str]:
    """List what is wrong with the targets that can be read, where other settings cannot."""
    places = [each["loc"] for each in error.errors(include_input=False, include_url=False)]
    unread = {place[0] for place in places} - {"targets"}
    targets = found.get("targets", {})
    if not isinstance(targets, Mapping) or ("targets",) in places:
        return []
    bad = {place[1] for place in places if place[0] == "targets"}
    kept = {name: each for name, each in found.items() if name not in unread}
    kept["targets"] = {name: each for name, each in targets.items() if name not in bad}
    return Settings.model_validate(kept).declared_targets()[1]


def write_settings(path: Path, settings: Settings) -> None:
    """Write a first `keepwell.toml` with what differs from the defaults, for people to edit."""
    lines = ["# Settings of this home. Every line is optional; `keepwell settings` shows them."]
    nested: list[str] = []
    for name, value in settings.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude_none=True
    ).items():
        if isinstance(value, Mapping):
            nested += _table((name,), value)
        elif value and isinstance(value, list) and isinstance(value[0], Mapping):
            for each in value:
                nested += ["", f"[[{name}]]", *(f"{k} = {literal(v)}" for k, v in each.items())]
        else:
            lines.append(f"{name} = {literal(value)}")
    path.write_text("\n".join([*lines, *nested]) + "\n", encoding="utf-8")


def from_environment(environment: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give the place and the value of every setting the environment makes.

    A list or a table is written as in TOML. Raises `ConfigurationError` for a file that is named
    and cannot be read.
    """
    unread = []
    for variable, value in sorted(environment.items()):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in NOT_SETTINGS:
            continue
        if name.endswith(_FROM_FILE):
            try:
                value = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                unread.append(f"{variable} names no file that can be read")
                continue
        yield tuple(name.removesuffix(_FROM_FILE).lower().split("__")), _read(value)
    if unread:
        raise ConfigurationError(unread, source="the environment")


def _variables(environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """Give the variable that sets each place."""
    return {
        place: f"{PREFIX}{'__'.join(place).upper()}" for place, _ in from_environment(environment)
    }


def _read(value: str) -> Any:
    if value.startswith(("[", "{")):
        with suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(f"value = {value}")["value"]
    return value


def _overlay(found: dict[str, Any], environment: Mapping[str, str]) -> None:
    for (*tables, key), value in from_environment(environment):
        place = found
        for table in tables:
            place = place.setdefault(table, {})
        place[key] = value


def _table(path: tuple[str, ...], values: Mapping[str, Any]) -> list[str]:
    scalars = {k: v for k, v in values.items() if not isinstance(v, Mapping)}
    lines = ["", f"[{'.'.join(_key(step) for step in path)}]"] if scalars or not values else []
    lines += [f"{_key(key)} = {literal(value)}" for key, value in scalars.items()]
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += _table((*path, key), value)
    return lines


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else literal(name)


def literal(value: object) -> str:
    """Spell a value as TOML does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(literal(each) for each in value) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{_key(name)} = {literal(each)}" for name, each in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
