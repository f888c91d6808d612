"""docs/security.md: which test holds which row of the security checklist, by the marker `@pytest.mark.s(14, 22)`."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from docs.generate.markdown import code, table
from docs.generate.sources import ROOT, SourceError, data, prose

_MARKER = "pytest.mark.s"


def page() -> str:
    titles = checklist()
    tests = collect(ROOT / "tests", rows=len(titles))
    held = sum(1 for row in titles if tests.get(row))
    return prose(
        "security.md",
        count=f"{held} of {len(titles)}",
        rows=table(("row", "what holds", "tests"), [_row(row, title, tests) for row, title in titles.items()]),
    )


def checklist() -> dict[int, str]:
    """Row -> short title, from 1 on without a gap."""
    titles = {int(row): str(title) for row, title in data("checklist.toml").items()}
    if list(titles) != list(range(1, len(titles) + 1)):
        raise SourceError("docs/generate/checklist.toml must count from 1 on, in order and without a gap")
    return titles


def collect(folder: Path, *, rows: int) -> dict[int, list[str]]:
    """Row -> ids of the tests that name it, sorted; nothing is imported or run.

    Raises:
        SourceError: a marker names a row that there is not, or no plain numbers.
    """
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted(folder.rglob("test_*.py")):
        file = path.relative_to(folder.parent).as_posix()
        for test, row in _of_module(ast.parse(path.read_text(encoding="utf-8")), file=file):
            if not 1 <= row <= rows:
                raise SourceError(f"{test} holds row {row}, but the checklist has {rows} rows")
            found[row].add(test)
    return {row: sorted(tests) for row, tests in found.items()}


def _row(row: int, title: str, tests: Mapping[int, Sequence[str]]) -> tuple[str, str, str]:
    return str(row), title, "<br>".join(map(code, tests.get(row, ()))) or "not yet"


def _of_module(module: ast.Module, *, file: str) -> Iterator[tuple[str, int]]:
    """(id, row). What is marked as a whole, a file or a class, is named as a whole."""
    yield from _of_body(module.body, owner=file, held=frozenset(), file=file)


def _of_body(body: Sequence[ast.stmt], *, owner: str, held: frozenset[int], file: str) -> Iterator[tuple[str, int]]:
    """`held`: rows for which what is around has been named already."""
    whole = {row for statement in body if _is_pytestmark(statement) for row in _rows(statement, file=file)}
    yield from ((owner, row) for row in whole - held)
    held |= whole
    for statement in body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        own = {row for decorator in statement.decorator_list for row in _rows(decorator, file=file)} - held
        name = f"{owner}::{statement.name}"
        if isinstance(statement, ast.ClassDef) and statement.name.startswith("Test"):
            yield from ((name, row) for row in own)
            yield from _of_body(statement.body, owner=name, held=held | own, file=file)
        elif statement.name.startswith("test"):
            yield from ((name, row) for row in own)


def _is_pytestmark(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id="pytestmark")]) | ast.AnnAssign(target=ast.Name(id="pytestmark")):
            return True
    return False


def _rows(node: ast.AST, *, file: str) -> Iterator[int]:
    """The numbers of every marker in it, those of single parameters included."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or ast.unparse(call.func) != _MARKER:
            continue
        for argument in call.args:
            match argument:
                case ast.Constant(value=int(row)):
                    yield row
                case _:
                    raise SourceError(f"{file}:{call.lineno}: {_MARKER} takes plain numbers")
