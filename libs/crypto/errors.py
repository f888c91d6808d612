"""What can be wrong with a token, a key or a sealed value. Reasons are UPPER_SNAKE, for logs and metrics only."""


class InvalidJwt(Exception):
    """The token is not one that we can rely on; `reason` says why, and nothing of the token is in the text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidKey(ValueError):
    """The key is malformed, too weak, of another type than its algorithm, or private where a public one belongs."""


class SealBroken(ValueError):
    """The sealed value was made for somebody or something else, or was changed on its way."""


class PasswordTooLong(ValueError):
    """More bytes than a password may have; see `libs.crypto.passwords.MAX_PASSWORD_BYTES`."""


class PasskeyRefused(Exception):
    """An answer of a browser that does not hold. The words are for logs."""
