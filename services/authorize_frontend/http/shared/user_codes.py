"""User codes as users type them. Only the device service interprets them."""

from services.authorize_frontend.http.shared.parameters import Parameters, single_value

_MAX_LENGTH = 40


def typed_code(parameters: Parameters) -> str:
    """Returns the code of a form or link; empty if it is longer than any spelling of a code."""
    typed = single_value(parameters, "user_code").strip()
    return typed if len(typed) <= _MAX_LENGTH and typed.isprintable() else ""
