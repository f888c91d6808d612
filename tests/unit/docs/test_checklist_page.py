"""Which test holds which row is read from the sources of the tests, without running any."""

from pathlib import Path

import pytest

from docs.generate import security
from docs.generate.sources import SourceError


@pytest.fixture
def collected(tmp_path):
    def collect(source: str) -> dict[int, list[str]]:
        folder = tmp_path / "tests" / "unit"
        folder.mkdir(parents=True)
        (folder / "test_it.py").write_text(source, encoding="utf-8")
        return security.collect(tmp_path / "tests", rows=73)

    return collect


def test_a_marked_test_is_named_for_each_of_its_rows(collected):
    source = (
        "@pytest.mark.s(14, 22)\nasync def test_a(): ...\n@pytest.mark.s(14)\ndef test_b(): ...\ndef test_c(): ...\n"
    )
    assert collected(source) == {
        14: ["tests/unit/test_it.py::test_a", "tests/unit/test_it.py::test_b"],
        22: ["tests/unit/test_it.py::test_a"],
    }


@pytest.mark.parametrize("marks", ["pytest.mark.s(3)", "[pytest.mark.slow, pytest.mark.s(3)]"])
def test_a_file_that_is_marked_as_a_whole_is_named_as_a_whole(collected, marks):
    source = f"pytestmark = {marks}\ndef test_a(): ...\n@pytest.mark.s(3, 4)\ndef test_b(): ...\n"
    assert collected(source) == {3: ["tests/unit/test_it.py"], 4: ["tests/unit/test_it.py::test_b"]}


def test_a_class_hands_its_rows_down_and_its_tests_have_their_own(collected):
    source = "@pytest.mark.s(5)\nclass TestIt:\n    @pytest.mark.s(6)\n    def test_a(self): ...\n"
    assert collected(source) == {5: ["tests/unit/test_it.py::TestIt"], 6: ["tests/unit/test_it.py::TestIt::test_a"]}


def test_a_mark_of_one_parameter_counts(collected):
    source = "@pytest.mark.parametrize('x', [1, pytest.param(2, marks=pytest.mark.s(7))])\ndef test_a(x): ...\n"
    assert collected(source) == {7: ["tests/unit/test_it.py::test_a"]}


def test_what_is_no_test_holds_nothing(collected):
    assert collected("@pytest.mark.s(8)\ndef helper(): ...\n@pytest.mark.other(9)\ndef test_a(): ...\n") == {}


@pytest.mark.parametrize("row", ["0", "74", "ROW", "'14'"])
def test_a_row_that_there_is_not_is_refused(collected, row):
    with pytest.raises(SourceError, match=r"test_it\.py"):
        collected(f"@pytest.mark.s({row})\ndef test_a(): ...\n")


def test_the_checklist_has_a_title_for_each_of_its_rows():
    titles = security.checklist()
    assert list(titles) == list(range(1, 74))
    assert all(title.endswith(".") and len(title) < 140 for title in titles.values())


def test_a_row_without_a_test_says_so_plainly():
    page = security.page()
    rows = [line for line in page.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == 73
    assert all(row.endswith(("` |", " not yet |")) for row in rows)


def test_this_very_folder_is_read():
    """The ids on the page are real: files and tests that pytest would find."""
    for ids in security.collect(Path(__file__).parents[2], rows=73).values():
        for one in ids:
            file, _, name = one.partition("::")
            text = (Path(__file__).parents[3] / file).read_text(encoding="utf-8")
            assert f"def {name.rpartition('::')[2]}(" in text or not name or f"class {name}" in text
