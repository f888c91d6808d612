"""Every reason that the contract names for an RPC of this service is in a table: shown on the page, or passed on."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from services.authorize_frontend import http
from services.authorize_frontend.http.shared.errors import SITUATIONS
from services.authorize_frontend.http.shared.refusals import Refusals

ROOT = Path(__file__).resolve().parents[3]
_CALL = re.compile(r"backends\.\w+\.(\w+)\(")
_RPC = re.compile(r"((?:^ *//.*\n)+) *rpc (\w+)\(", re.MULTILINE)
_SAME = re.compile(r"Errors: as (\w+)")

DESCRIPTION_PAGE = {
    Reason.SIGN_UP_CLOSED,  # the page itself is 404 then; only a race of two calls leads here
    Reason.NO_MAIL,  # as above
    Reason.FACTOR_NAME,  # an authenticator app has no name
    Reason.FACTOR_MISSING,  # the page is not reachable without a factor
    Reason.CLAIM_UNKNOWN,  # the form has only known claims
    Reason.CLAIM_READ_ONLY,  # the form has only writable claims
}
"""Reasons that are not expected from the pages' own forms: the error page shows the description."""


def documented() -> dict[str, set[Reason]]:
    """RPC -> reasons in its comment in protos/."""
    comments = {
        rpc: comment
        for file in sorted((ROOT / "protos/latchkey").rglob("*.proto"))
        for comment, rpc in _RPC.findall(file.read_text())
    }
    named = {
        rpc: {Reason[word] for word in re.findall(r"\b[A-Z][A-Z_]+\b", comment) if word in Reason.__members__}
        for rpc, comment in comments.items()
    }
    for rpc, comment in comments.items():
        for other in _SAME.findall(comment):
            named[rpc] |= named[other]
    return named


def tables() -> dict[str, Refusals]:
    found = {}
    for module in pkgutil.walk_packages(http.__path__, f"{http.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            table = getattr(value, "refusals", value)
            if isinstance(table, Refusals):
                found[table.rpc] = table
    return found


CALLED = sorted(
    {
        rpc
        for file in (ROOT / "services/authorize_frontend/http").rglob("*.py")
        for rpc in _CALL.findall(file.read_text())
    }
)


@pytest.mark.parametrize("rpc", CALLED)
def test_reasons_of_a_called_rpc_are_shown_or_passed_on(rpc):
    table = tables().get(rpc, Refusals(rpc=rpc, shown={}))
    passed_on = documented()[rpc] - set(table.shown)
    if table.shown:
        assert passed_on == set(table.passed_on)
    assert passed_on <= set(SITUATIONS) | DESCRIPTION_PAGE | {Reason.REAUTHENTICATION_REQUIRED}


def test_tables_are_of_called_rpcs_only():
    assert set(tables()) <= set(CALLED)


def test_refusals_raise_the_error_again_when_its_reason_is_not_shown():
    error = AccessDenied("x", reason=Reason.WRONG_PROOF)
    with pytest.raises(AccessDenied) as raised:
        Refusals(rpc="SignIn", shown={Reason.WRONG_CREDENTIALS: "wrong"}).shown_for(error)
    assert raised.value is error
