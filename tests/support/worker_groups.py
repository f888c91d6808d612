"""Distributes tests to workers with `--dist loadgroup`: an xdist_group, or else a module, runs on one worker.

pytest-xdist 3.8 appends the group to `_nodeid`, which pytest 9.2 no longer reads. Without this module the tests of one
group are distributed to all workers, and each worker starts every shared stack.
"""

from typing import Any

import pytest
from _pytest.nodeid import NodeId
from xdist.scheduler import LoadGroupScheduling


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Appends `@group` to the ids of grouped tests in a worker, which the scheduler reads."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if groups and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = NodeId.parse(f"{item.nodeid}@{'_'.join(groups)}")


class ModuleScheduling(LoadGroupScheduling):  # type: ignore[misc]
    """As LoadGroupScheduling, but the tests without a group stay together by module, which shares their fixtures."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if scope == nodeid else scope


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling | None:
    return ModuleScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
