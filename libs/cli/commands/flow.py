"""latchkey flow: choose the OAuth 2.0 flow for an application."""

import sys
from typing import Annotated, Any

import typer

from libs.cli.admin import connection
from libs.cli.app import App
from libs.cli.errors import CliError, UsageError
from libs.cli.flow_advice import EXAMPLE_NAME, Advice, AnswerError, Consultation, Question, consult
from libs.cli.flow_questions import FIRST
from libs.cli.output import Output

app = App(help="Choose the OAuth 2.0 flow for an application.")


@app.callback()
def flow() -> None:
    """Choose the OAuth 2.0 flow for an application."""


def _answer(metavar: str, help_text: str) -> Any:
    return typer.Option(metavar=metavar, show_default=False, help=help_text)


@app.answering("advise")
def advise(  # noqa: PLR0917 - the questions, by name only
    context: typer.Context,
    who: Annotated[str | None, _answer("person|program", "Whether a user or a program uses the application.")] = None,
    where: Annotated[str | None, _answer("server|page|installed|device|old", "Where the application runs.")] = None,
    needs: Annotated[str | None, _answer("tokens|login|both", "What an application on a server needs.")] = None,
    reach: Annotated[
        str | None,
        _answer(
            "yes|no", "Whether an application that needs only sign-in can send requests to the authorization server."
        ),
    ] = None,
    library: Annotated[
        str | None, _answer("pkce|implicit", "What the OAuth library of a single-page application supports.")
    ] = None,
    client_name: Annotated[
        str, typer.Option(metavar="TEXT", help="Name of the client, for example 'My application'.")
    ] = EXAMPLE_NAME,
    redirect_uri: Annotated[str, _answer("URI", "Redirect URI, for example https://app.example/callback.")] = "",
) -> None:
    """Recommend a flow for an application and show how to register it.

    At a terminal, it prompts for each answer that no option gives.
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
    """URLs of the server, if one is found."""
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
    """Prompts for an answer: a number or a word.

    Raises:
        UsageError: there is no terminal to prompt at.
    """
    offered = [choice.answer for choice in question.choices]
    if output.json or not sys.stdin.isatty():
        raise UsageError(f"--{question.name} is missing: {question.text} ({', '.join(offered)})")
    output.line(f"\n{question.text}\n")
    for number, choice in enumerate(question.choices, start=1):
        output.line(f"  {number}  {choice.text}")
    by_number = {str(number): answer for number, answer in enumerate(offered, start=1)}
    while True:
        typed = str(typer.prompt(f"\nYour answer (1-{len(offered)})", prompt_suffix=": ")).strip().lower()
        answer = by_number.get(typed, typed)
        if answer in offered:
            return answer
        output.line(f"Choose one of: {', '.join(by_number)} (or {', '.join(offered)}).")


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
    output.line("Example code; replace CLIENT_ID and CLIENT_SECRET with the values that the command prints:\n")
    output.line("".join(f"    {line}".rstrip() + "\n" for line in code.splitlines()))
