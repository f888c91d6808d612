"""docs/events.md: what subscribers see, from the contract, the streams and the envelopes."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from docs.generate import contract
from docs.generate.contract import Field, Message
from docs.generate.examples import Envelope, examples
from docs.generate.markdown import anchor, code, codes, table
from docs.generate.sources import SourceError, code_of, data, prose
from latchkey.events.v1 import events_pb2
from libs.servicekit.nats.bus import DUPLICATE_WINDOW, STREAMS

FILE: Final = "latchkey/events/v1/events.proto"
_ABOUT: Final = {
    events_pb2.SUBJECT_KIND_USER: "a user",
    events_pb2.SUBJECT_KIND_CLIENT: "a client",
    events_pb2.SUBJECT_KIND_KEY: "a key",
    events_pb2.SUBJECT_KIND_INITIAL_ACCESS_TOKEN: "an initial access token",
    events_pb2.SUBJECT_KIND_WEBHOOK: "a webhook",
    events_pb2.SUBJECT_KIND_STREAM_TICKET: "a stream ticket",
}
_JSON: Final = {
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_ENUM: "string",
    FieldDescriptorProto.TYPE_BOOL: "boolean",
    FieldDescriptorProto.TYPE_INT32: "number",
    FieldDescriptorProto.TYPE_UINT32: "number",
    # The JSON form of protobuf: what a number of JavaScript may not hold exactly is a string.
    FieldDescriptorProto.TYPE_INT64: "number in a string",
    FieldDescriptorProto.TYPE_UINT64: "number in a string",
}
_ATTRIBUTE: Final = re.compile(r"^\| `([a-z]+)`", re.MULTILINE)


def page() -> str:
    file = contract.load()[FILE]
    messages = [message for message in file.messages() if message.event is not None]
    shown = examples()
    _check_words(messages, file.enum("Reason"))
    text = prose(
        "events.md",
        streams=_streams(),
        minutes=str(DUPLICATE_WINDOW.seconds // 60),
        index=_index(messages),
        events="\n\n".join(_section(message, shown) for message in messages),
        reasons=_reasons(file.enum("Reason")),
    )
    _check_attributes(text, shown.values())
    return text


def stream_of(subject: str) -> str:
    """The stream that takes a subject in. Raises SourceError unless there is exactly one."""
    found = [name for name, (patterns, _) in STREAMS.items() if any(_covers(pattern, subject) for pattern in patterns)]
    if len(found) != 1:
        raise SourceError(
            f"{subject} is taken in by {found or 'no stream'}: see STREAMS in libs/servicekit/nats/bus.py"
        )
    return found[0]


def _covers(pattern: str, subject: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", r"[^.]+").replace(">", r".+")
    return re.fullmatch(expression, subject) is not None


def _streams() -> str:
    rows = [(code(name), codes(patterns), _period(kept)) for name, (patterns, kept) in STREAMS.items()]
    return table(("stream", "takes in", "keeps it for"), rows)


def _period(kept: timedelta) -> str:
    return f"{kept.days} days" if kept > timedelta(days=3) else f"{kept // timedelta(hours=1)} hours"


def _index(messages: Iterable[Message]) -> str:
    return table(("event", "stream", "producer", "what it means"), map(_index_row, messages))


def _index_row(message: Message) -> Sequence[str]:
    option = options(message)
    link = f"[{option.name}](#{anchor(option.name)})"
    return link, code(stream_of(_subject(option.name))), option.producer, f"{meaning(message)} {_yet(message)}"


def _section(message: Message, shown: Mapping[str, Envelope]) -> str:
    option = options(message)
    name = option.name
    if name not in shown:
        raise SourceError(f"{name} has no example: give it a golden file, or a line in docs/generate/examples.py")
    events = table(
        ("type", "on the bus", "stream", "producer", "about"),
        [
            (
                code(f"latchkey.{name}.v1"),
                code(_subject(name)),
                code(stream_of(_subject(name))),
                option.producer,
                _ABOUT[option.subject],
            )
        ],
    )
    fields = table(
        ("in `data`", "is", "meaning"),
        [(code(field.name), _json_type(field), field_meaning(field, name)) for field in message.fields],
    )
    example = json.dumps(shown[name], indent=2, ensure_ascii=False)
    return (
        f"### {name}\n\n{meaning(message)} {_yet(message)}".rstrip()
        + f"\n\n{events}\n{fields}\n```json\n{example}\n```"
    )


def _subject(name: str) -> str:
    return f"latchkey.v1.{name}.<shard>"


def options(message: Message) -> events_pb2.EventOptions:
    if message.event is None:
        raise SourceError(f"{message.name} is no event")
    return message.event


def meaning(message: Message) -> str:
    name = options(message).name
    meaning: str = data("words.toml")["events"].get(name) or message.comment
    if not meaning:
        raise SourceError(f"protos/{FILE}: {message.name} has no comment that says what it means")
    return meaning


def _yet(message: Message) -> str:
    """Services make the messages of their events by name."""
    producer = options(message).producer
    return "" if re.search(rf"\b{message.name}\(", code_of(producer)) else "**Not published yet.**"


def field_meaning(field: Field, event: str) -> str:
    meaning: str = field.comment or data("words.toml")["fields"].get(field.name, "")
    if not meaning:
        raise SourceError(f"protos/{FILE}: {field.name} of {event} has no comment that says what it means")
    return meaning


def _json_type(field: Field) -> str:
    descriptor = field.descriptor
    kind = _JSON.get(descriptor.type)
    if kind is None:
        raise SourceError(f"{field.name}: a type without words, see _JSON in docs/generate/events.py")
    return f"list of {kind}s" if descriptor.label == FieldDescriptorProto.LABEL_REPEATED else kind


def _reasons(values: Iterable[contract.EnumValue]) -> str:
    rows = []
    for value in values:
        word = value.name.removeprefix("REASON_").lower()
        rows.append((code(word), code(value.name), reason_meaning(value)))
    return table(("`reason` of the envelope", "`reason` in `data`", "meaning"), rows)


def reason_meaning(value: contract.EnumValue) -> str:
    meaning: str = data("words.toml")["reasons"].get(value.name.removeprefix("REASON_")) or value.comment
    if not meaning:
        raise SourceError(f"protos/{FILE}: {value.name} has no comment that says what it means")
    return meaning


def _check_words(messages: Sequence[Message], reasons: Iterable[contract.EnumValue]) -> None:
    """Raises SourceError for an entry of words.toml about something that there is not."""
    known = {
        "events": {options(message).name for message in messages},
        "fields": {field.name for message in messages for field in message.fields},
        "reasons": {value.name.removeprefix("REASON_") for value in reasons},
    }
    for section, names in known.items():
        if unknown := set(data("words.toml")[section]) - names:
            raise SourceError(f"docs/generate/words.toml: there is no {codes(sorted(unknown))} among the {section}")


def _check_attributes(text: str, envelopes: Iterable[Envelope]) -> None:
    """Raises SourceError unless the table of attributes explains each one that an example has."""
    explained = set(_ATTRIBUTE.findall(text.partition("## Event attributes")[2].partition("\n## ")[0]))
    if missing := {name for envelope in envelopes for name in envelope} - explained:
        raise SourceError(f"docs/generate/prose/events.md does not explain {codes(sorted(missing))}")
