"""An answer to a what-if question, read back from the decision that keeps it."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.scoring.whatif import Askable, Chance, GroupDifference, Moved, Single, WhatIf


def what_if_from(outcome: str, result: Mapping[str, Any]) -> WhatIf:
    """Give what `WhatIf.to_json` wrote into a decision's result, as the record it was."""
    told = result["what_if"]
    return WhatIf(
        outcome,
        Chance(**told["now"]),
        None if told["then"] is None else Chance(**told["then"]),
        _moved(told["asked"]),
        _moved(told["along"]),
        tuple(GroupDifference(**each) for each in told["difference"]),
        tuple(told["contradictions"]),
        tuple(Askable(**each) for each in told["may_ask"]),
        tuple(
            Single(
                Moved(**each["asked"]),
                _moved(each["along"]),
                Chance(**each["chance"]),
                each["text"],
            )
            for each in told["lower"]
        ),
        told["text"],
    )


def _moved(told: Sequence[Mapping[str, Any]]) -> tuple[Moved, ...]:
    return tuple(Moved(**each) for each in told)
