"""Events and RPCs, from the contract and its comments."""

import json

import pytest

from docs.generate import contract, events, examples, rpc
from docs.generate.markdown import anchor, table
from docs.generate.sources import SourceError
from latchkey.events.v1 import events_pb2


def an_rpc(comment: str, *callers: str) -> contract.Rpc:
    return contract.Rpc("DoIt", comment, callers)


def test_comments_come_from_the_sources():
    messages = {message.name: message for message in contract.load()["latchkey/events/v1/events.proto"].messages()}
    login = messages["LoginSucceeded"]
    assert login.comment == "A user signed in."
    assert login.event is not None
    assert login.event.producer == "authentication"
    assert [field.name for field in login.fields][:2] == ["user_id", "session_id"]
    assert messages["EventOptions"].event is None


def test_the_comment_of_an_rpc_is_taken_apart():
    one = rpc.described(an_rpc("Does it. Twice. Callers: token, cli. Errors: invalid_request (A, B).", "cli", "token"))
    assert (one.meaning, one.errors) == ("Does it. Twice.", "invalid_request (A, B)")
    bare = rpc.described(an_rpc("Callers: cli.", "cli"))
    assert (bare.meaning, bare.errors) == ("", "")


@pytest.mark.parametrize(
    ("comment", "callers"),
    [
        ("Does it.", ["cli"]),
        ("Does it. Callers: cli.", ["token"]),
        ("Does it. Callers: cli, token.", ["cli"]),
        ("Does it. Callers: unknown.", ["unknown"]),
        ("", []),
    ],
)
def test_a_comment_that_does_not_name_the_callers_of_the_options_is_refused(comment, callers):
    with pytest.raises(SourceError, match="DoIt"):
        rpc.described(an_rpc(comment, *callers))


def test_every_rpc_is_on_the_page_with_its_callers():
    page = rpc.page()
    for file in contract.load().values():
        for service in file.services():
            section = page.partition(f"### {service.package}.{service.name}\n")[2].partition("\n### ")[0]
            for one in service.rpcs:
                assert f"| `{one.name}` | {', '.join(one.callers)} |" in section


def test_every_event_is_on_the_page_with_an_example_of_its_own():
    page = events.page()
    for message in events_pb2.DESCRIPTOR.message_types_by_name.values():
        if not message.GetOptions().HasExtension(events_pb2.event):
            continue
        options = message.GetOptions().Extensions[events_pb2.event]
        section = page.partition(f"\n### {options.name}\n")[2].partition("\n### ")[0]
        example = json.loads(section.partition("```json\n")[2].partition("```")[0])
        assert example["type"] == f"latchkey.{options.name}.v1"
        assert example["producer"] == options.producer
        assert all(f"| `{field.name}` |" in section for field in message.fields)
        assert set(example["data"]) <= set(message.fields_by_name)


@pytest.mark.parametrize("event", examples.made(), ids=lambda event: event.name)
def test_an_example_has_no_member_that_the_golden_file_has_not(event):
    example, golden = examples.examples()[event.name], examples.golden(examples.GOLDEN)[event.name]
    assert example.keys() <= golden.keys()
    assert example["data"].keys() <= golden["data"].keys()


def test_golden_files_are_found_by_what_they_hold(tmp_path):
    (tmp_path / "some").mkdir()
    event = {"specversion": "1.0", "type": "latchkey.login.failed.v1"}
    (tmp_path / "some" / "a.json").write_text(json.dumps(event))
    (tmp_path / "b.json").write_text("[1]")
    (tmp_path / "c.json").write_text('{"type": "something else"}')
    assert examples.golden(tmp_path) == {"login.failed": event}


@pytest.mark.parametrize(
    ("subject", "stream"),
    [
        ("latchkey.v1.login.succeeded.07", "LATCHKEY_EVENTS"),
        ("latchkey.v1.token.revoked.07", "LATCHKEY_EVENTS"),
        ("latchkey.v1.token.issued.07", "LATCHKEY_TOKENS"),
    ],
)
def test_an_event_is_in_one_stream(subject, stream):
    assert events.stream_of(subject) == stream


def test_an_event_that_no_stream_takes_in_is_refused():
    with pytest.raises(SourceError, match="no stream"):
        events.stream_of("latchkey.v1.weather.changed.07")


def test_no_cell_breaks_its_table():
    assert table(("a",), [("x | y\nz",)]) == "| a |\n| --- |\n| x \\| y z |\n"


def test_an_anchor_is_what_links_call_a_heading():
    assert anchor("latchkey.token.v1.AuthorizationService") == "latchkeytokenv1authorizationservice"
    assert anchor("Services on the bus") == "services-on-the-bus"
    assert anchor("token.reuse_detected") == "tokenreuse_detected"
