"""The transcript of a run: its steps in order, as the page shows them."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import segno
from markupsafe import Markup

from deploy.playground.problems import HANDLED, Problem, explain
from deploy.playground.references import Reference


@dataclass(frozen=True)
class Parameter:
    """A field of a request, and what it is for."""

    name: str
    value: str
    note: str = ""


@dataclass
class Exchange:
    """A request and, once it has come, the answer. Holds no secret in full."""

    sender: Literal["application", "browser"]
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    curl: str = ""
    """The same request as a command, with variables in place of the secrets."""
    status: int | None = None
    reason: str = ""
    response_headers: tuple[tuple[str, str], ...] = ()
    response_body: str = ""
    milliseconds: float | None = None


@dataclass(frozen=True)
class TokenView:
    """A token as far as this page shows it."""

    title: str
    note: str
    header: dict[str, Any] | None = None
    """None for an opaque token."""
    claims: dict[str, Any] | None = None


@dataclass(frozen=True)
class Code:
    """A user code and the address where the user enters it."""

    text: str
    address: str
    address_with_code: str = ""

    @property
    def picture(self) -> Markup:
        """The address with the code as a QR code for a telephone's camera: segno's SVG, in which nothing is text."""
        drawing: str = segno.make(self.address_with_code, error="m").svg_inline(
            scale=5, border=2, dark="black", light=None, omitsize=True, svgclass="qr", lineclass="qr-line"
        )
        return Markup(drawing)  # noqa: S704 - lines and numbers only


@dataclass
class Step:
    """A step of a run, with its requests and responses."""

    name: str
    title: str
    text: str
    references: tuple[Reference, ...] = ()
    exchanges: list[Exchange] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    """What the application verified, each with what it found."""
    tokens: list[TokenView] = field(default_factory=list)
    code: Code | None = None
    problem: Problem | None = None
    quiet: bool = False
    """Long and rarely interesting: folded unless something went wrong."""


class RunFailedError(Exception):
    """A step failed and has recorded its error; the run ends."""


_current: ContextVar[Step | None] = ContextVar("playground_step", default=None)


def current_step() -> Step | None:
    """The step that this task is in: where the recorder writes what the client library sends and gets."""
    return _current.get()


@dataclass
class Run:
    """One press of a button, from the first request to the last."""

    flow: str
    title: str
    started_at: datetime
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    steps: list[Step] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether a step of it failed."""
        return any(step.problem for step in self.steps)

    @contextmanager
    def step(self, name: str, title: str, text: str, *references: Reference, quiet: bool = False) -> Iterator[Step]:
        """Record what happens inside as one step.

        Raises:
            RunFailedError: instead of any error that the page can explain; the step then holds the explanation.
        """
        step = Step(name, title, text, references, quiet=quiet)
        self.steps.append(step)
        with self.again(step):
            yield step

    @contextmanager
    def again(self, step: Step) -> Iterator[Step]:
        """Record more as part of a step that was there before. Raises as `step` does."""
        mark = _current.set(step)
        try:
            yield step
        except HANDLED as error:
            step.problem = explain(error)
            raise RunFailedError(step.problem.error) from error
        finally:
            _current.reset(mark)
