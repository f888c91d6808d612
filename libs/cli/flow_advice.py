"""The model of the flow questionnaire, for `latchkey flow advise` and the playground: questions, choices, advice."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from libs.cli.flow_code import code_for

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
EXAMPLE_NAME = "My application"
EXAMPLE_REDIRECT_URI = "https://app.example/callback"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """A recommended flow and how to register a client for it."""

    flow: str
    """ID of the flow in the playground."""
    title: str
    why: str
    instead_of: Mapping[str, str]
    """Flows that are not recommended, with the reason."""
    then: str
    """What to do after the registration."""
    program: str
    """Example program: a file of libs/cli/programs without .txt (flow_code.py)."""
    grant_types: tuple[str, ...]
    response_type: str = ""
    """Empty: the default for the grant types."""
    public: bool = False
    """Whether the client is public: it has no client secret."""
    redirect_uri: str = ""
    """Example redirect URI; empty for flows without a redirect."""
    more: tuple[tuple[str, str], ...] = ()
    """Further options."""

    def options(self, *, client_name: str = EXAMPLE_NAME, redirect_uri: str = "") -> list[tuple[str, str]]:
        """Options of `latchkey client create`, with their values."""
        return [
            ("--client-name", client_name),
            *(("--grant-type", grant_type) for grant_type in self.grant_types),
            *([("--response-type", self.response_type)] if self.response_type else []),
            *([("--token-endpoint-auth-method", "none")] if self.public else []),
            *([("--redirect-uri", redirect_uri or self.redirect_uri)] if self.redirect_uri else []),
            *self.more,
        ]

    def command(self, *, client_name: str = EXAMPLE_NAME, redirect_uri: str = "", between: str = " ") -> str:
        """The `latchkey client create` command. `between` separates the options, for example a line continuation."""
        options = self.options(client_name=client_name, redirect_uri=redirect_uri)
        return between.join(["latchkey client create", *(shlex.join(option) for option in options)])

    def code(self, *, issuer: str = "", client_edge: str = "", redirect_uri: str = "") -> str:
        """The example program, with placeholders when no server is given."""
        return code_for(
            self.program, redirect_uri=redirect_uri or self.redirect_uri, issuer=issuer, client_edge=client_edge
        )


@dataclass(frozen=True)
class Choice:
    """An answer and the question or advice that follows."""

    answer: str
    text: str
    leads_to: "Question | Advice"


@dataclass(frozen=True)
class Question:
    """A question about an application."""

    name: str
    text: str
    choices: tuple[Choice, ...]

    def choice(self, answer: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.answer == answer), None)


class AnswerError(ValueError):
    """An answer is not one of the choices, or its question is not part of the path."""


@dataclass(frozen=True)
class Consultation:
    """The answers so far, in order, and the next question or the advice."""

    answered: tuple[tuple[Question, Choice], ...]
    next: Question | Advice


def consult(first: Question, answers: Mapping[str, str]) -> Consultation:
    """Follows the questions as far as `answers` go.

    Raises:
        AnswerError: an answer is invalid.
    """
    answered: list[tuple[Question, Choice]] = []
    here: Question | Advice = first
    while isinstance(here, Question) and here.name in answers:
        choice = here.choice(answers[here.name])
        if choice is None:
            offered = ", ".join(choice.answer for choice in here.choices)
            raise AnswerError(f"{here.name} must be one of: {offered}")
        answered.append((here, choice))
        here = choice.leads_to
    idle = answers.keys() - {question.name for question, _ in answered}
    if idle and isinstance(here, Advice):
        raise AnswerError(f"{', '.join(sorted(idle))}: not applicable with the other answers")
    return Consultation(tuple(answered), here)


def every_advice(first: Question) -> Iterator[tuple[dict[str, str], Advice]]:
    """All paths through the questions with their advice."""
    for choice in first.choices:
        if isinstance(choice.leads_to, Advice):
            yield {first.name: choice.answer}, choice.leads_to
        else:
            for answers, advice in every_advice(choice.leads_to):
                yield {first.name: choice.answer, **answers}, advice
