"""docs/conformance.md: which test holds what a module of the OpenID conformance suite demands, by the marker
`@pytest.mark.conformance("oidcc-server")`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from docs.generate import marks
from docs.generate.markdown import code, table
from docs.generate.sources import ROOT, SourceError, data, prose


def page() -> str:
    plans: dict[str, dict[str, Any]] = data("conformance.toml")
    tests = {str(name): found for name, found in marks.collect(ROOT / "tests", "conformance", str).items()}
    judge(plans, tests)
    modules = {name for plan in plans.values() for name in plan}
    return prose(
        "conformance.md",
        count=f"{len(modules & tests.keys())} of {len(modules)}",
        plans="\n".join(_plan(title, plan, tests) for title, plan in plans.items()),
    )


def judge(plans: Mapping[str, Mapping[str, Any]], tests: Mapping[str, Sequence[str]]) -> None:
    """Every module has a test, or a reason why it has none; and every test names a module that there is.

    Raises:
        SourceError: naming the module.
    """
    modules = {name: demand for plan in plans.values() for name, demand in plan.items()}
    for name, demand in modules.items():
        has_reason = isinstance(demand, dict) and bool(demand.get("missing"))
        if has_reason == (name in tests):
            rule = "a reason although there is a test" if has_reason else "neither a test nor a reason"
            raise SourceError(f"docs/generate/conformance.toml: {name} has {rule}")
    for name, found in tests.items():
        if name not in modules:
            raise SourceError(f"{found[0]} holds {name}, which docs/generate/conformance.toml does not have")


def _plan(title: str, plan: Mapping[str, Any], tests: Mapping[str, Sequence[str]]) -> str:
    rows = [_row(name, demand, tests.get(name, ())) for name, demand in plan.items()]
    return f"## {title}\n\n{table(('module', 'what it demands', 'tests'), rows)}"


def _row(name: str, demand: Any, tests: Sequence[str]) -> tuple[str, str, str]:
    if isinstance(demand, dict):
        return code(name), demand["demand"], f"not yet: {demand['missing']}"
    return code(name), demand, "<br>".join(map(code, tests))
