"""latchkey flow advise, with prompts and with options."""

import io
import shlex

import pytest

from libs.cli.flow_advice import Advice, AnswerError, Question, consult, every_advice
from libs.cli.flow_questions import FIRST
from libs.oauth.client_metadata import parse_metadata
from tests.unit.cli.conftest import Latchkey

EVERY = list(every_advice(FIRST))
ASK = ("flow", "advise")


class Terminal(io.StringIO):
    """Types these lines at the prompts."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    typed = Terminal()
    monkeypatch.setattr("sys.stdin", typed)
    return typed


def options(answers: dict[str, str]) -> list[str]:
    return [word for name, answer in answers.items() for word in (f"--{name}", answer)]


@pytest.mark.parametrize(
    ("answers", "advice"), EVERY, ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else ""
)
def test_flow_advise_takes_answers_from_options(latchkey: Latchkey, answers: dict[str, str], advice: Advice) -> None:
    output = latchkey(*ASK, "--json", *options(answers)).json
    assert output["answers"] == answers
    assert (output["flow"], output["why"], output["command"]) == (advice.flow, advice.why, advice.command())
    out = latchkey(*ASK, *options(answers)).out
    assert advice.title in out
    assert f"    {advice.command()}\n" in out
    assert output["code"] == advice.code()
    assert not {line.strip() for line in output["code"].splitlines() if line.strip()} - {
        line.strip() for line in out.splitlines()
    }
    for other in advice.instead_of:
        assert f"\nNot {other}: " in out


def test_flow_advise_quotes_names_for_the_shell(latchkey: Latchkey) -> None:
    names = ("--client-name", "Bob's shop; rm -rf ~", "--redirect-uri", "https://shop.example/cb?a=1&b=2")
    command = latchkey(*ASK, "--json", "--who", "person", "--where", "installed", *names).json["command"]
    assert shlex.split(command) == [
        *("latchkey", "client", "create", "--client-name", "Bob's shop; rm -rf ~"),
        *("--grant-type", "authorization_code", "--grant-type", "refresh_token"),
        *("--token-endpoint-auth-method", "none", "--redirect-uri", "https://shop.example/cb?a=1&b=2"),
    ]


def test_flow_advise_prompts_for_each_question_at_terminal(latchkey: Latchkey, types: Terminal) -> None:
    types.write("1\n7\nserver\n1\n")
    types.seek(0)
    answer = latchkey(*ASK)
    assert answer.code == 0
    asked = [line for line in answer.out.splitlines() if line.endswith("?")]
    assert asked == ["Who uses the application?", "Where does the application run?", "What does the application need?"]
    assert "Choose one of: 1, 2, 3, 4, 5 (or server, page, installed, device, old)." in answer.out
    assert "Authorization code with PKCE and a client secret" in answer.out


def test_flow_advise_does_not_prompt_for_answers_given_as_options(latchkey: Latchkey, types: Terminal) -> None:
    types.write("2\n")
    types.seek(0)
    answer = latchkey(*ASK, "--library", "implicit", "--who", "person")
    assert [line for line in answer.out.splitlines() if line.endswith("?")] == ["Where does the application run?"]
    assert "Implicit, until" in answer.out


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({}, "--who is missing: Who uses the application? (person, program)"),
        (
            {"who": "person"},
            "--where is missing: Where does the application run? (server, page, installed, device, old)",
        ),
        ({"who": "everybody"}, "--who must be one of: person, program"),
        ({"who": "program", "where": "server"}, "--where: not applicable with the other answers"),
    ],
)
@pytest.mark.parametrize("flag", [(), ("--json",)])
def test_flow_advise_fails_without_terminal_when_answers_are_missing(
    latchkey: Latchkey, answers: dict[str, str], sentence: str, flag: tuple[str, ...]
) -> None:
    answer = latchkey(*ASK, *options(answers), *flag)
    assert (answer.code, answer.out) == (2, "")
    assert sentence in answer.err


def test_flow_advise_never_prompts_with_json(latchkey: Latchkey, types: Terminal) -> None:
    types.write("1\n")
    types.seek(0)
    assert latchkey(*ASK, "--json").error["error"] == "usage"


def test_each_answer_leads_to_question_or_advice_and_names_are_unique() -> None:
    def walk(question: Question) -> list[str]:
        assert len({choice.answer for choice in question.choices}) == len(question.choices)
        below = [choice.leads_to for choice in question.choices if isinstance(choice.leads_to, Question)]
        return [question.name, *(name for one in below for name in walk(one))]

    names = walk(FIRST)
    assert len(set(names)) == len(names)
    assert {advice.flow for _, advice in EVERY} == {
        *("authorization-code", "client-credentials", "device", "implicit", "form-post", "hybrid", "password")
    }


def test_answers_may_be_given_before_their_question() -> None:
    assert consult(FIRST, {"needs": "both"}).next is FIRST
    with pytest.raises(AnswerError):
        consult(FIRST, {"who": "program", "needs": "both"})


@pytest.mark.parametrize("advice", [advice for _, advice in EVERY], ids=lambda advice: advice.flow)
def test_each_advice_is_valid_client_metadata(advice: Advice) -> None:
    members = {
        "grant_types": list(advice.grant_types),
        "redirect_uris": [advice.redirect_uri] if advice.redirect_uri else None,
        "response_types": [advice.response_type] if advice.response_type else None,
        "token_endpoint_auth_method": "none" if advice.public else None,
    }
    assert parse_metadata(members).is_public == advice.public
