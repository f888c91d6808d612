"""A user code on its way through the browser edge. What it stands for, the device service alone knows."""

from services.authorize_frontend.http.shared.parameters import Parameters, only

_LONGEST = 40


def typed_code(parameters: Parameters) -> str:
    """What was typed, or stands in a link; empty when it is longer than any spelling of a code."""
    typed = only(parameters, "user_code").strip()
    return typed if len(typed) <= _LONGEST and typed.isprintable() else ""
