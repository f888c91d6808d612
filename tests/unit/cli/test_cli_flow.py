"""Which flow? Asked at a terminal, or answered by options."""

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
    """Somebody types these lines."""

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
def test_options_answer_every_question(latchkey: Latchkey, answers: dict[str, str], advice: Advice) -> None:
    told = latchkey(*ASK, "--json", *options(answers)).json
    assert told["answers"] == answers
    assert (told["flow"], told["why"], told["command"]) == (advice.flow, advice.why, advice.command())
    out = latchkey(*ASK, *options(answers)).out
    assert advice.title in out
    assert f"    {advice.command()}\n" in out
    assert told["code"] == advice.code()
    assert not {line.strip() for line in told["code"].splitlines() if line.strip()} - {
        line.strip() for line in out.splitlines()
    }
    for other in advice.instead_of:
        assert f"\nNot {other}: " in out


def test_the_command_has_the_given_names_and_survives_a_shell(latchkey: Latchkey) -> None:
    names = ("--client-name", "Bob's shop; rm -rf ~", "--redirect-uri", "https://shop.example/cb?a=1&b=2")
    command = latchkey(*ASK, "--json", "--who", "person", "--where", "installed", *names).json["command"]
    assert shlex.split(command) == [
        *("latchkey", "client", "create", "--client-name", "Bob's shop; rm -rf ~"),
        *("--grant-type", "authorization_code", "--grant-type", "refresh_token"),
        *("--token-endpoint-auth-method", "none", "--redirect-uri", "https://shop.example/cb?a=1&b=2"),
    ]


def test_at_a_terminal_it_asks_one_thing_after_the_other(latchkey: Latchkey, types: Terminal) -> None:
    types.write("1\n7\nserver\n1\n")
    types.seek(0)
    answer = latchkey(*ASK)
    assert answer.code == 0
    asked = [line for line in answer.out.splitlines() if line.endswith("?")]
    assert asked == ["Who uses the application?", "Where does it run?", "What does it want?"]
    assert "One of these, please: 1, 2, 3, 4, 5 (or server, page, installed, device, old)." in answer.out
    assert "Authorization code with PKCE, with a secret" in answer.out


def test_what_the_options_answer_is_not_asked(latchkey: Latchkey, types: Terminal) -> None:
    types.write("2\n")
    types.seek(0)
    answer = latchkey(*ASK, "--library", "implicit", "--who", "person")
    assert [line for line in answer.out.splitlines() if line.endswith("?")] == ["Where does it run?"]
    assert "Implicit, for as long as" in answer.out


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({}, "--who is missing: Who uses the application? (person, program)"),
        ({"who": "person"}, "--where is missing: Where does it run? (server, page, installed, device, old)"),
        ({"who": "everybody"}, "--who is one of: person, program"),
        ({"who": "program", "where": "server"}, "--where: not asked, after the other answers"),
    ],
)
@pytest.mark.parametrize("flag", [(), ("--json",)])
def test_nobody_is_asked_where_nobody_can_answer(
    latchkey: Latchkey, answers: dict[str, str], sentence: str, flag: tuple[str, ...]
) -> None:
    answer = latchkey(*ASK, *options(answers), *flag)
    assert (answer.code, answer.out) == (2, "")
    assert sentence in answer.err


def test_json_never_asks(latchkey: Latchkey, types: Terminal) -> None:
    types.write("1\n")
    types.seek(0)
    assert latchkey(*ASK, "--json").error["error"] == "usage"


def test_every_answer_leads_somewhere_and_the_names_differ() -> None:
    def walk(question: Question) -> list[str]:
        assert len({choice.answer for choice in question.choices}) == len(question.choices)
        below = [choice.leads_to for choice in question.choices if isinstance(choice.leads_to, Question)]
        return [question.name, *(name for one in below for name in walk(one))]

    names = walk(FIRST)
    assert len(set(names)) == len(names)
    assert {advice.flow for _, advice in EVERY} == {
        *("authorization-code", "client-credentials", "device", "implicit", "form-post", "hybrid", "password")
    }


def test_answers_that_come_early_wait_for_their_question() -> None:
    assert consult(FIRST, {"needs": "both"}).next is FIRST
    with pytest.raises(AnswerError):
        consult(FIRST, {"who": "program", "needs": "both"})


@pytest.mark.parametrize("advice", [advice for _, advice in EVERY], ids=lambda advice: advice.flow)
def test_every_advice_holds_together_as_metadata(advice: Advice) -> None:
    members = {
        "grant_types": list(advice.grant_types),
        "redirect_uris": [advice.redirect_uri] if advice.redirect_uri else None,
        "response_types": [advice.response_type] if advice.response_type else None,
        "token_endpoint_auth_method": "none" if advice.public else None,
    }
    assert parse_metadata(members).is_public == advice.public
