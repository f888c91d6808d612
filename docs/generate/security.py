"""docs/security.md: which test holds which row of the security checklist, by the marker `@pytest.mark.s(14, 22)`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from docs.generate import marks
from docs.generate.markdown import code, table
from docs.generate.sources import ROOT, SourceError, data, prose


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
    """Row -> ids of the tests that name it, sorted.

    Raises:
        SourceError: a marker names a row that there is not, or no plain numbers.
    """
    found = {int(row): tests for row, tests in marks.collect(folder, "s", int).items()}
    for row, tests in found.items():
        if not 1 <= row <= rows:
            raise SourceError(f"{tests[0]} holds row {row}, but the checklist has {rows} rows")
    return found


def _row(row: int, title: str, tests: Mapping[int, Sequence[str]]) -> tuple[str, str, str]:
    return str(row), title, "<br>".join(map(code, tests.get(row, ()))) or "not yet"
