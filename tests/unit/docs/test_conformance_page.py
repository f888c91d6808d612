"""A module of the conformance suite has a test, or says why it has none."""

import pytest

from docs.generate import conformance
from docs.generate.sources import SourceError

PLANS = {
    "Core": {"oidcc-server": "The plain flow.", "oidcc-codereuse": {"demand": "Once.", "missing": "not built yet"}}
}


def test_modules_with_a_test_or_a_reason_are_in_order():
    conformance.judge(PLANS, {"oidcc-server": ["tests/test_it.py"]})


@pytest.mark.parametrize(
    ("tests", "named"),
    [
        ({}, "oidcc-server"),
        ({"oidcc-server": ["t"], "oidcc-codereuse": ["t"]}, "oidcc-codereuse"),
        ({"oidcc-server": ["t"], "oidcc-sever": ["tests/test_it.py"]}, "oidcc-sever"),
    ],
)
def test_anything_else_is_a_fault_that_names_the_module(tests, named):
    with pytest.raises(SourceError, match=named):
        conformance.judge(PLANS, tests)


def test_every_module_of_the_plans_has_its_row():
    page = conformance.page()
    assert page.count("\n| `oidcc-") == len({line.split("`")[1] for line in page.splitlines() if "| `oidcc-" in line})
    assert "`oidcc-refresh-token-rp-key-rotation`" in page
