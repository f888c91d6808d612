"""Which flow should I use? The questions of `latchkey flow advise`, one on each page, without scripts."""

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from deploy.playground.pages import Pages
from libs.cli.flow_advice import Advice, AnswerError, Consultation, consult
from libs.cli.flow_questions import FIRST

PATH = "/which-flow"


@dataclass(frozen=True)
class Answered:
    """A question that is behind us."""

    question: str
    answer: str
    change: str
    """Where it is asked again."""


@dataclass(frozen=True)
class Offered:
    """An answer to the question that is asked now."""

    name: str
    text: str
    address: str


class FlowAdvice:
    """The page; the answers so far stand in its address."""

    def __init__(self, pages: Pages, *, issuer: str, client_edge: str) -> None:
        self._pages = pages
        self._server = {"issuer": issuer, "client_edge": client_edge}

    async def ask(self, request: web.Request) -> web.Response:
        """The next question, or the advice; from the beginning where the answers make no sense."""
        try:
            consultation = consult(FIRST, dict(request.query))
        except AnswerError:
            raise web.HTTPSeeOther(PATH) from None
        return self._pages.page(
            "flow_advice.html",
            answered=_answered(consultation),
            question="" if isinstance(consultation.next, Advice) else consultation.next.text,
            offered=_offered(consultation),
            advice=consultation.next if isinstance(consultation.next, Advice) else None,
            code=consultation.next.code(**self._server) if isinstance(consultation.next, Advice) else "",
        )


def _answered(consultation: Consultation) -> list[Answered]:
    behind: dict[str, str] = {}
    answered = []
    for question, choice in consultation.answered:
        answered.append(Answered(question.text, choice.text, _address(behind)))
        behind[question.name] = choice.answer
    return answered


def _offered(consultation: Consultation) -> list[Offered]:
    question = consultation.next
    if isinstance(question, Advice):
        return []
    behind = {answered.name: choice.answer for answered, choice in consultation.answered}
    return [
        Offered(choice.answer, choice.text, _address(behind | {question.name: choice.answer}))
        for choice in question.choices
    ]


def _address(answers: dict[str, str]) -> str:
    return f"{PATH}?{urlencode(answers)}" if answers else PATH
