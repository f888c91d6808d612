"""What the command line says when something does not work."""

import typer


class CliError(typer.TyperException):
    """One sentence for the person at the terminal; exit code 1.

    Args:
        message: what is wrong and what to do about it.
        code: a word for scripts, in the style of OAuth error codes.
    """

    def __init__(self, message: str, *, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


class UsageError(CliError):
    """The command line itself makes no sense; exit code 2."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message, code="usage")
