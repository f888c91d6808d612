"""Makes `--dist loadgroup` work: pytest-xdist 3.8 appends the group to `_nodeid`, which pytest 9.2 no longer reads.

Without it the tests of one xdist_group are distributed to all workers, and each worker starts every shared stack.
"""

import pytest
from _pytest.nodeid import NodeId


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Appends `@group` to the ids of tests in a worker, which the scheduler reads."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        groups = sorted({str(mark.args[0]) for mark in item.iter_markers("xdist_group")})
        if groups and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = NodeId.parse(f"{item.nodeid}@{'_'.join(groups)}")
