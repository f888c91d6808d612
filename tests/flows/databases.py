"""Marks for tests whose subject does not depend on the database: they run on one of the two systems, not on both.

The storage behind them is tested on both databases in tests/storage.
"""

import pytest


def _on(fixture: str, name: str) -> pytest.MarkDecorator:
    parameter = pytest.param(fixture, id=name, marks=pytest.mark.xdist_group(name))
    return pytest.mark.parametrize("system", [parameter], indirect=True)


on_sqlite = _on("stack", "sqlite")
on_postgresql = _on("postgresql_stack", "postgresql")
