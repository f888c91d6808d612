"""Which tests carry a marker with arguments, `@pytest.mark.s(14, 22)`, read from their sources: nothing is run."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from docs.generate.sources import SourceError

Mark = int | str


def collect(folder: Path, marker: str, kind: type[Mark]) -> dict[Mark, list[str]]:
    """Argument of `pytest.mark.<marker>` -> ids of the tests that carry it, sorted.

    Raises:
        SourceError: a marker with something other than plain arguments of this kind.
    """
    found: dict[Mark, set[str]] = defaultdict(set)
    for path in sorted(folder.rglob("test_*.py")):
        reader = _Reader(f"pytest.mark.{marker}", kind, file=path.relative_to(folder.parent).as_posix())
        module = ast.parse(path.read_text(encoding="utf-8"))
        for test, mark in reader.of_body(module.body, owner=reader.file, held=frozenset()):
            found[mark].add(test)
    return {mark: sorted(tests) for mark, tests in found.items()}


class _Reader:
    def __init__(self, marker: str, kind: type[Mark], *, file: str) -> None:
        self.file = file
        self._marker = marker
        self._kind = kind

    def of_body(self, body: Sequence[ast.stmt], *, owner: str, held: frozenset[Mark]) -> Iterator[tuple[str, Mark]]:
        """(id, argument). What is marked as a whole, a file or a class, is named as a whole.

        Args:
            held: arguments for which what is around has been named already.
        """
        whole = {mark for statement in body if _is_pytestmark(statement) for mark in self._marks(statement)}
        yield from ((owner, mark) for mark in whole - held)
        held |= whole
        for statement in body:
            if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            own = {mark for decorator in statement.decorator_list for mark in self._marks(decorator)} - held
            name = f"{owner}::{statement.name}"
            if isinstance(statement, ast.ClassDef) and statement.name.startswith("Test"):
                yield from ((name, mark) for mark in own)
                yield from self.of_body(statement.body, owner=name, held=held | own)
            elif statement.name.startswith("test"):
                yield from ((name, mark) for mark in own)

    def _marks(self, node: ast.AST) -> Iterator[Mark]:
        """The arguments of every such marker in it, those of single parameters included."""
        for call in ast.walk(node):
            if not isinstance(call, ast.Call) or ast.unparse(call.func) != self._marker:
                continue
            for argument in call.args:
                if not isinstance(argument, ast.Constant) or type(argument.value) is not self._kind:
                    raise SourceError(f"{self.file}:{call.lineno}: {self._marker} takes plain {self._kind.__name__}s")
                yield argument.value


def _is_pytestmark(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id="pytestmark")]) | ast.AnnAssign(target=ast.Name(id="pytestmark")):
            return True
    return False
