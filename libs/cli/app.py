"""Typer commands and groups with -h and --json everywhere; modules are imported when their command is called."""

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ParamSpec

import typer
from typer.core import TyperCommand, TyperGroup

from libs.cli.output import Output

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Given = ParamSpec("_Given")


class App(typer.Typer):
    """A Typer application. Each command takes its typer.Context as `context`."""

    def __init__(self, *, group: type[TyperGroup] | None = None, **options: Any) -> None:
        super().__init__(
            cls=group or Group,
            add_completion=False,
            context_settings={"help_option_names": ["-h", "--help"]},
            pretty_exceptions_enable=False,
            rich_markup_mode=None,
            **options,
        )

    def answering(self, name: str) -> Callable[[Callable[_Given, None]], Callable[_Given, None]]:
        """Registers a command that also takes --json."""

        def register(function: Callable[_Given, None]) -> Callable[_Given, None]:
            self.command(name)(_with_json(function))
            return function

        return register


class Group(TyperGroup):
    """A group that prints its help when it is called without a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])


class LazyGroup(Group):
    """A group that imports the module of a command when the command is called."""

    modules: Mapping[str, tuple[str, str]] = {}
    """Name -> module with an `app`, one-line help."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, (_, summary) in self.modules.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name and name in self.modules:
            module, _ = self.modules[name]
            command = typer.main.get_command(importlib.import_module(module).app)
        return name, command, rest


def _with_json(function: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(function)
    def command(*, answer_in_json: bool, **given: Any) -> None:
        output = Output.of(given["context"])
        output.json = output.json or answer_in_json
        function(**given)

    # Typer reads options from the signature, so --json is added to it.
    signature = inspect.signature(function)
    flag = inspect.Parameter("answer_in_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json)
    command.__signature__ = signature.replace(parameters=[*signature.parameters.values(), flag])  # type: ignore[attr-defined]
    command.__annotations__ = function.__annotations__ | {"answer_in_json": Json}
    return command
