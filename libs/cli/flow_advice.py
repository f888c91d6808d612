"""Which flow an application should use: questions, and what follows from the answers. Whoever asks, asks these."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from libs.cli.flow_code import code_for

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
A_NAME = "My application"
A_REDIRECT_URI = "https://app.example/callback"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A flow, and how to register an application for it."""

    flow: str
    """Its card at the playground."""
    title: str
    why: str
    instead_of: Mapping[str, str]
    """What not to use, and why not."""
    then: str
    """What the application does once it is registered."""
    program: str
    """What to paste: a file of libs/cli/programs, without its .txt (flow_code.py)."""
    grant_types: tuple[str, ...]
    response_type: str = ""
    """Empty: the one that goes with the grant types."""
    public: bool = False
    """It cannot keep a secret, or has nobody to show it to."""
    redirect_uri: str = ""
    """What to put in place of a real one; empty where the browser brings nothing back."""
    more: tuple[tuple[str, str], ...] = ()
    """Further options."""

    def options(self, *, client_name: str = A_NAME, redirect_uri: str = "") -> list[tuple[str, str]]:
        """What registers it, as options of `latchkey client create` and their values."""
        return [
            ("--client-name", client_name),
            *(("--grant-type", grant_type) for grant_type in self.grant_types),
            *([("--response-type", self.response_type)] if self.response_type else []),
            *([("--token-endpoint-auth-method", "none")] if self.public else []),
            *([("--redirect-uri", redirect_uri or self.redirect_uri)] if self.redirect_uri else []),
            *self.more,
        ]

    def command(self, *, client_name: str = A_NAME, redirect_uri: str = "", between: str = " ") -> str:
        """The same, to type; `between` the options may be a line that goes on."""
        options = self.options(client_name=client_name, redirect_uri=redirect_uri)
        return between.join(["latchkey client create", *(shlex.join(option) for option in options)])

    def code(self, *, issuer: str = "", client_edge: str = "", redirect_uri: str = "") -> str:
        """A program that does it, for a server if it is known which."""
        return code_for(
            self.program, redirect_uri=redirect_uri or self.redirect_uri, issuer=issuer, client_edge=client_edge
        )


@dataclass(frozen=True)
class Choice:
    """One answer, and where it leads."""

    answer: str
    text: str
    leads_to: "Question | Advice"


@dataclass(frozen=True)
class Question:
    """One thing to be known about an application."""

    name: str
    text: str
    choices: tuple[Choice, ...]

    def choice(self, answer: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.answer == answer), None)


class AnswerError(ValueError):
    """An answer that the question does not offer, or to a question that is not asked; the message says which."""


@dataclass(frozen=True)
class Consultation:
    """What was answered, in the order of the questions, and what comes next."""

    answered: tuple[tuple[Question, Choice], ...]
    next: Question | Advice


def consult(first: Question, answers: Mapping[str, str]) -> Consultation:
    """As far as these answers lead.

    Raises:
        AnswerError: one of them does not fit.
    """
    answered: list[tuple[Question, Choice]] = []
    here: Question | Advice = first
    while isinstance(here, Question) and here.name in answers:
        choice = here.choice(answers[here.name])
        if choice is None:
            offered = ", ".join(choice.answer for choice in here.choices)
            raise AnswerError(f"{here.name} is one of: {offered}")
        answered.append((here, choice))
        here = choice.leads_to
    idle = answers.keys() - {question.name for question, _ in answered}
    if idle and isinstance(here, Advice):
        raise AnswerError(f"{', '.join(sorted(idle))}: not asked, after the other answers")
    return Consultation(tuple(answered), here)


def every_advice(first: Question) -> Iterator[tuple[dict[str, str], Advice]]:
    """All ways through the questions."""
    for choice in first.choices:
        if isinstance(choice.leads_to, Advice):
            yield {first.name: choice.answer}, choice.leads_to
        else:
            for answers, advice in every_advice(choice.leads_to):
                yield {first.name: choice.answer, **answers}, advice
