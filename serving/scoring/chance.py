"""How a probability is written for people: never as a certainty that no model has."""


def percent(share: float, *, space: str = "\u202f") -> str:
    """Write a share of 0-1 in whole percent; what would round to 0 or 100 says so: `> 99 %`."""
    if 0 < share < 0.005:
        return f"<{space}1{space}%"
    if 0.995 <= share < 1:
        return f">{space}99{space}%"
    return f"{100 * share:.0f}{space}%"
