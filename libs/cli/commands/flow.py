"""latchkey flow: which flow an application should use."""

import sys
from typing import Annotated, Any

import typer

from libs.cli.admin import connection
from libs.cli.app import App
from libs.cli.errors import CliError, UsageError
from libs.cli.flow_advice import A_NAME, Advice, AnswerError, Consultation, Question, consult
from libs.cli.flow_questions import FIRST
from libs.cli.output import Output

app = App(help="Which flow an application should use.")


@app.callback()
def flow() -> None:
    """Which flow an application should use."""


def _answer(metavar: str, help_text: str) -> Any:
    return typer.Option(metavar=metavar, show_default=False, help=help_text)


@app.answering("advise")
def advise(  # noqa: PLR0917 - the questions, by name only
    context: typer.Context,
    who: Annotated[str | None, _answer("person|program", "Who uses it.")] = None,
    where: Annotated[
        str | None, _answer("server|page|installed|device|old", "Where a person's application runs.")
    ] = None,
    needs: Annotated[str | None, _answer("tokens|login|both", "What an application on a server wants.")] = None,
    reach: Annotated[str | None, _answer("yes|no", "Whether one that wants a login alone can call the server.")] = None,
    library: Annotated[str | None, _answer("pkce|implicit", "What the library of a page knows.")] = None,
    client_name: Annotated[str, typer.Option(metavar="TEXT", help="What to call it.")] = A_NAME,
    redirect_uri: Annotated[str, _answer("URI", "Where it takes its answers.")] = "",
) -> None:
    """Ask about an application, name its flow, and how to register it.

    At a terminal it asks what the options do not answer.
    """
    output = Output.of(context)
    given = {"who": who, "where": where, "needs": needs, "reach": reach, "library": library}
    consultation, advice = _consult({name: answer for name, answer in given.items() if answer is not None}, output)
    names = {"client_name": client_name, "redirect_uri": redirect_uri}
    code = advice.code(redirect_uri=redirect_uri, **_server())
    output.answer(
        _as_json(consultation, advice, names) | {"code": code}, human=lambda: _show(output, advice, names, code)
    )


def _server() -> dict[str, str]:
    """Addresses of the server that the command line knows, if it knows one: advice needs none."""
    try:
        found = connection()
    except CliError:
        return {}
    return {"issuer": found.issuer, "client_edge": found.client_edge}


def _consult(answers: dict[str, str], output: Output) -> tuple[Consultation, Advice]:
    while True:
        try:
            consultation = consult(FIRST, answers)
        except AnswerError as error:
            raise UsageError(f"--{error}") from None
        if isinstance(consultation.next, Advice):
            return consultation, consultation.next
        answers = answers | {consultation.next.name: _ask(consultation.next, output)}


def _ask(question: Question, output: Output) -> str:
    """The answer of the person at the terminal, by its number or its word.

    Raises:
        UsageError: nobody is there to answer.
    """
    offered = [choice.answer for choice in question.choices]
    if output.json or not sys.stdin.isatty():
        raise UsageError(f"--{question.name} is missing: {question.text} ({', '.join(offered)})")
    output.line(f"\n{question.text}\n")
    for number, choice in enumerate(question.choices, start=1):
        output.line(f"  {number}  {choice.text}")
    by_number = {str(number): answer for number, answer in enumerate(offered, start=1)}
    while True:
        said = str(typer.prompt(f"\nYour answer (1-{len(offered)})", prompt_suffix=": ")).strip().lower()
        answer = by_number.get(said, said)
        if answer in offered:
            return answer
        output.line(f"One of these, please: {', '.join(by_number)} (or {', '.join(offered)}).")


def _as_json(consultation: Consultation, advice: Advice, names: dict[str, str]) -> dict[str, Any]:
    return {
        "answers": {question.name: choice.answer for question, choice in consultation.answered},
        "flow": advice.flow,
        "title": advice.title,
        "why": advice.why,
        "instead_of": dict(advice.instead_of),
        "command": advice.command(**names),
        "then": advice.then,
    }


def _show(output: Output, advice: Advice, names: dict[str, str], code: str) -> None:
    output.line(f"\n{advice.title}\n")
    output.paragraph(advice.why)
    for other, reason in advice.instead_of.items():
        output.paragraph(f"Not {other}: {reason}")
    output.line("Register it with\n")
    output.line(f"    {advice.command(**names)}\n")
    output.paragraph(f"Then: {advice.then}")
    output.line("Code to begin with, once CLIENT_ID and the like are what the command told:\n")
    output.line("".join(f"    {line}".rstrip() + "\n" for line in code.splitlines()))
