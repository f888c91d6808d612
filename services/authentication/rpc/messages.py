"""Conversions of messages that several gRPC services use."""

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from latchkey.authentication.v1 import (
    sessions_pb2,
)
from services.authentication.domain.sessions.origin import Origin

_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")


def origin_of(context: sessions_pb2.RequestContext) -> Origin:
    return Origin.of(
        remote_address=context.remote_address,
        client_id=context.client_id,
        correlation_id=context.correlation_id,
        device=context.device,
    )


def locale_of(unverified: str) -> str:
    """Return the language tag, or an empty string when it is malformed."""
    return unverified if _LOCALE.fullmatch(unverified) else ""


def claims_of(struct: Struct) -> dict[str, object]:
    """Return the Struct as a JSON object. Its members have not been validated."""
    return {name: _value_of(value) for name, value in struct.fields.items()}


def to_struct(members: Mapping[str, Any]) -> Struct:
    message = Struct()
    message.update(members)
    return message


def _value_of(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return claims_of(value.struct_value)
    if kind == "list_value":
        return [_value_of(item) for item in value.list_value.values]
    return None if kind in {None, "null_value"} else getattr(value, kind)
