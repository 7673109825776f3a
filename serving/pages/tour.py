"""The tour's pages: six steps of one walk, each with what was done, its request and its ids."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from serving.keys import HomeKeys
from serving.pages.staff.frame import environment
from serving.pages.start import LiftRow, StartPage, points
from serving.pages.tour_strip import STRIP, Step, choices
from serving.refusals import say_refusal
from serving.scoring.chance import percent
from serving.scoring.explained import Explained
from serving.tour.cast import Player
from serving.tour.roles import STAFF_ROLES, Entered
from serving.tour.sights import Sights, Verdict, score_request

_HARDLY = 0.01


class Bar(NamedTuple):
    """One line of the sum behind a score; `x` and `width` are shares of 100."""

    text: str
    added: float
    x: float
    width: float
    kind: str


class Asked(NamedTuple):
    """What one playbook said."""

    playbook: str
    outcome: str
    why: str
    verdict: Verdict


class Lift(NamedTuple):
    """One outcome of last year's test, written out."""

    name: str
    control: str
    treated: str
    difference: str
    verdict: str


def tour_address(token: str, step: Step) -> str:
    """Give the address of one step of a walk."""
    return f"/demo?{urlencode({'walk': token, 'step': step})}#step"


def render_nobody(keys: HomeKeys, players: Sequence[Player]) -> str:
    """Write the page that asks whom to follow."""
    return _render("tour.html.j2", cast=choices(keys, players), sights=None, step="", strip=STRIP)


def render_tour(sights: Sights, step: Step, *, token: str, start: StartPage) -> str:
    """Write one step of a walk; `token` is what the address holds."""
    number = [each.name for each in STRIP].index(step)
    following = STRIP[number + 1] if number + 1 < len(STRIP) else None
    return _render(
        "tour.html.j2",
        cast=(),
        sights=sights,
        who=sights.player.name,
        step=step,
        number=number,
        strip=STRIP,
        following=following,
        token=token,
        address=tour_address,
        change=_change(sights),
        bars=_bars(sights.score),
        zero=_zero(sights.score),
        asked=_asked(sights),
        outcomes=tuple(_outcome(each, start.currency) for each in start.lift),
        roles=STAFF_ROLES,
        command=start.command,
        request=score_request(sights.player.customer_id),
        refusal=say_refusal,
        here=_here,
    )


def render_key(entered: Entered) -> str:
    """Show a signing key, the only copy there is, before its holder goes on."""
    return _render("tour_key.html.j2", entered=entered)


def render_problem(detail: str, hint: str) -> str:
    """Say in a page why something of the tour cannot be done."""
    return _render("tour_problem.html.j2", detail=detail, hint=hint)


def _render(template: str, **values: object) -> str:
    return environment().get_template(template).render(**values)


def _here(url: str) -> str:
    """Give a link of a message as it works in this browser, whatever address the home states."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _change(sights: Sights) -> str:
    """Say in a sentence what the newest event did to the score."""
    before, after = sights.before, sights.after
    if before is None or after is None or after.probability is None:
        return ""
    now = percent(after.probability)
    if before.probability is None:
        return f"Before there was nothing to say. One event later there is an estimate: {now}."
    moved = after.probability - before.probability
    if abs(moved) < _HARDLY:
        return (
            f"It hardly moved, and stays at {now}. From this company’s past the model learnt to "
            "give such an event next to no weight."
        )
    way = "rose" if moved > 0 else "fell"
    return f"It {way} from {percent(before.probability)} to {now}."


def _bars(verdict: Verdict | None) -> tuple[Bar, ...]:
    """Lay out base + reasons + all others = sum, as bars that begin where the last one ended."""
    if verdict is None or verdict.steps is None:
        return ()
    told = verdict.steps
    low, high = _ends(told)
    scale = 100 / ((high - low) or 1.0)

    def bar(text: str, begins: float, end: float, kind: str = "") -> Bar:
        x = (min(begins, end) - low) * scale
        width = max(abs(end - begins) * scale, 0.6)
        way = kind or ("up" if end > begins else "down")
        return Bar(text, end - begins, round(x, 2), round(width, 2), way)

    bars = [bar("where everybody begins", 0.0, told.base, "sum")]
    bars += [bar(each.text, each.before, each.after) for each in told.steps]
    if told.has_rest:
        bars.append(bar("everything else together", told.before_rest, told.total))
    bars.append(bar("the sum", 0.0, told.total, "sum"))
    return tuple(bars)


def _zero(verdict: Verdict | None) -> float:
    """Give where 0 stands on the scale of the bars."""
    if verdict is None or verdict.steps is None:
        return 0.0
    low, high = _ends(verdict.steps)
    return round(min(-100 * low / ((high - low) or 1.0), 99.5), 2)


def _ends(told: Explained) -> tuple[float, float]:
    ends = (told.base, *(each.after for each in told.steps), told.total)
    return min(0.0, *ends), max(0.0, *ends)


_OUTCOMES = {
    "proposed": "waits for your yes",
    "held_out": "left alone by lot",
    "cleared": "may be sent",
    "refused": "left alone",
    "outside": "left alone",
}


def _asked(sights: Sights) -> tuple[Asked, ...]:
    verdicts = [each for each in sights.asked if each.outcome in _OUTCOMES]
    if sights.score is not None and sights.walk.asked == (sights.score.decision_id,):
        return ()
    return tuple(
        Asked(
            each.playbook.replace("_", " ") or "not told any more",
            _OUTCOMES[each.outcome],
            say_refusal(each.reason) if each.reason else "",
            each,
        )
        for each in verdicts
    )


def _outcome(row: LiftRow, currency: str) -> Lift:
    control, treated = (
        percent(each) if row.is_share else f"{each:.2f}" for each in (row.control, row.treated)
    )
    name = row.outcome.replace("_", " ")
    return Lift(name, control, treated, points(row, currency), row.verdict)
