"""Errors of the command line."""

import typer


class CliError(typer.TyperException):
    """An error that is printed as one sentence; exit code 1.

    Args:
        message: the error and its remedy.
        code: error code for scripts, in the style of OAuth 2.0 error codes.
    """

    def __init__(self, message: str, *, code: str = "failed") -> None:
        super().__init__(message)
        self.code = code


class UsageError(CliError):
    """Invalid arguments or options; exit code 2."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message, code="usage")
