"""Errors of tokens, keys and sealed values. Reasons are UPPER_SNAKE, for logs and metrics only."""


class InvalidJwt(Exception):
    """The token is invalid. `reason` names the cause; the text contains nothing of the token."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidKey(ValueError):
    """The key is malformed, too weak, of another type than its algorithm, or private instead of public."""


class SealBroken(ValueError):
    """The value was sealed with another key or another binding, or was changed."""


class PasswordTooLong(ValueError):
    """The password has more than `libs.crypto.passwords.MAX_PASSWORD_BYTES` bytes."""


class PasskeyRefused(Exception):
    """The passkey response of a browser is invalid. The text is for logs."""
