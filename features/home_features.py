"""The features of one home: what its histories suggest, and what the company adds to that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from features.catalogue import catalogue
from features.definition_checks import check_definitions
from features.definitions import FeatureDefinition
from features.derived import with_parts_purposes
from features.history import Histories
from features.own_features import Mistake, OwnFeature
from features.own_functions import OwnFunction, load_functions, pin
from governance.errors import ConfigurationError


@dataclass(frozen=True)
class HomeFeatures:
    """What decides a home's features beside its histories.

    `timezone` is the zone whose clock habits are read from. `directory` is where the files of own
    functions lie.
    """

    timezone: str = "UTC"
    own: tuple[OwnFeature, ...] = ()
    directory: Path | None = None

    def definitions(
        self, histories: Histories, *, sample: bool = False
    ) -> tuple[FeatureDefinition, ...]:
        """Give the catalogue for these histories and the company's own features after it.

        Functions are held to their files as they are now. Raises `ConfigurationError` with every
        own feature that does not fit, and the line it stands in. Of a `sample` of the histories it
        is not asked whether a property that an own feature reads is there.
        """
        found, mistakes = self.examine(histories, sample=sample)
        if mistakes:
            raise ConfigurationError(
                [str(each) for each in mistakes],
                source="keepwell.toml",
                hint="look again with: keepwell features check",
            )
        return found

    def examine(
        self, histories: Histories, *, sample: bool = False
    ) -> tuple[tuple[FeatureDefinition, ...], tuple[Mistake, ...]]:
        """Give what `definitions` gives, as far as it goes, and what is to be mended."""
        suggested = catalogue(histories, timezone=self.timezone)
        own, mistakes = self._pinned()
        known = {each.name for each in suggested}
        mistakes += [
            Mistake(
                each.lines[""], each.definition.name, "the catalogue has a feature of this name"
            )
            for each in self.own
            if each.definition.name in known
        ]
        every = (*suggested, *(each for each in own if each.name not in known))
        every = with_parts_purposes(every)
        lines = {each.definition.name: each.lines for each in self.own}
        mistakes += [
            Mistake(lines[name].get(key, lines[name][""]), name, message)
            for name, key, message in check_definitions(every, None if sample else histories)
            if name in lines
        ]
        return every, tuple(sorted(mistakes))

    def functions(self, definitions: Sequence[FeatureDefinition]) -> Mapping[str, OwnFunction]:
        """Load the own functions that some definitions name; see `own_functions.load_functions`."""
        return load_functions(definitions, self.directory)

    def _pinned(self) -> tuple[list[FeatureDefinition], list[Mistake]]:
        found: list[FeatureDefinition] = []
        mistakes: list[Mistake] = []
        for each in self.own:
            definition = each.definition
            try:
                found += pin([definition], self.directory or Path())
            except ConfigurationError as error:
                line = each.lines.get("function", each.lines[""])
                name = definition.name
                mistakes += [
                    Mistake(line, name, said.removeprefix(f"{name}: ")) for said in error.problems
                ]
                found.append(definition)
        return found, mistakes
