"""HTTP: the page where the survey of one message is answered by one click.

It needs no key: whoever holds a link answers by it, and it tells nothing about anyone. Following a
link records nothing, because scanners follow links, too; pressing a button does.
"""

import re

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from governance.errors import InvalidInput
from serving.http.context import Context, Here
from serving.http.page_requests import page, read_form, wanted_locales
from serving.interventions.surveys.answers import answer, question_of
from serving.pages.preferences import render_dead
from serving.pages.survey import render_survey
from serving.survey_links import open_survey_link

router = APIRouter(include_in_schema=False)
_ANSWER = re.compile(r"-?[0-9]{1,4}")


@router.get("/survey")
def get_survey(here: Here, request: Request, token: str = "", lang: str = "") -> Response:
    """Show the question and a button for each answer."""
    locales = wanted_locales(request, lang)
    link = open_survey_link(here.keepwell.keys, token)
    asked = None if link is None else question_of(here.keepwell, link, now=here.clock())
    if asked is None:
        return page(render_dead(here.keepwell, locales), status=404)
    return page(render_survey(here.keepwell, locales, asked, token=token, lang=lang))


@router.post("/survey")
async def post_survey(request: Request) -> Response:
    """Record the answer that was pressed, and say so."""
    here: Context = request.app.state.context
    sent = read_form(await request.body())
    locales = wanted_locales(request, sent.get("lang", ""))
    return await run_in_threadpool(_answered, here, locales, sent)


def _answered(here: Context, locales: tuple[str, ...], sent: dict[str, str]) -> Response:
    token, lang = sent.get("token", ""), sent.get("lang", "")
    link = open_survey_link(here.keepwell.keys, token)
    asked = None if link is None else question_of(here.keepwell, link, now=here.clock())
    if link is None or asked is None:
        return page(render_dead(here.keepwell, locales), status=404)
    value = _number(sent.get("answer", ""))
    comment = sent.get("comment", "")
    done = answer(here.keepwell, link, value, comment=comment, clock=here.clock)
    if done.outcome == "dead":
        return page(render_dead(here.keepwell, locales), status=404)
    return page(
        render_survey(
            here.keepwell, locales, asked, token=token, lang=lang, answer=value, answered=done
        )
    )


def _number(text: str) -> int:
    if not _ANSWER.fullmatch(text):
        raise InvalidInput("the form does not say which answer was pressed")
    return int(text)
