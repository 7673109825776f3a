"""Many looks at one table: p-values that know how many others were looked at."""

from collections.abc import Mapping


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values so that one false find among all of them is as rare as stated (Holm 1979).

    For the few comparisons that a verdict rests on; the largest stays at most 1.
    """
    adjusted: dict[str, float] = {}
    running = 0.0
    ordered = sorted(p_values.items(), key=lambda item: (item[1], item[0]))
    for place, (name, p) in enumerate(ordered):
        running = max(running, min(1.0, (len(ordered) - place) * p))
        adjusted[name] = running
    return adjusted


def benjamini_hochberg(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values so that of what stands out at 0.05 about 5 % is chance, at most.

    Benjamini and Hochberg (1995), JRSS B 57. For exploring: segments, where finds are leads to be
    tested and not results.
    """
    adjusted: dict[str, float] = {}
    least = 1.0
    ordered = sorted(p_values.items(), key=lambda item: (item[1], item[0]), reverse=True)
    for place, (name, p) in enumerate(ordered):
        least = min(least, p * len(ordered) / (len(ordered) - place))
        adjusted[name] = least
    return adjusted
