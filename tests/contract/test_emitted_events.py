"""Every transaction of a use case emits an event or is listed below with the reason.

The test reads the source: a transaction is `async with <begin>() as work`, except read-only ones. It emits if its block,
or a function of the use cases to which the block passes `work`, calls `emit`.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from latchkey.events.v1 import events_pb2

SERVICES = Path(__file__).resolve().parents[2] / "services"
READS = {"_view", "view", "reading", "snapshot"}
TRANSACTIONS = {"_begin", "_work", "begin", "work", "transaction", "_transactions"}

_SWEPT = "deleted objects ended before, with an event"
_COUNTED = "a rate limit counter; refused attempts have their own event"
_AGAIN = "events that a receiver gets once more, or a try: the operator sees them in the log"
_KEPT = "events and the log, for the time that the operator chose"
_WAITS = "a pending request; its outcome has an event"
SILENT = {
    "authentication/usecases/accounts/change_email_address.py::RequestAddress.__call__": "nothing has changed before its link is used",
    "authentication/usecases/accounts/request_password_reset.py::RequestPasswordReset.__call__": "the event is emitted when the email is sent",
    "authentication/usecases/accounts/send_password_reset.py::SendPasswordReset.__call__": "the event is emitted when the email is sent",
    "authentication/usecases/accounts/sign_up.py::RequestSignUp.__call__": "there is no account before its link is used",
    "authentication/usecases/email/send_email.py::SendEmail.__call__": "the outcome of a delivery attempt; the change in the email had its event",
    "authentication/usecases/email/send_email.py::SendEmail.claim": "who sends",
    "authentication/usecases/email/sweep_emails.py::SweepEmails.__call__": _SWEPT,
    "authentication/usecases/factors/enrol_totp.py::StartTotp.__call__": "what is being set up counts for nothing yet",
    "authentication/usecases/sign_in/start_step_up.py::StartStepUp.__call__": "a second step that is to come",
    "authentication/usecases/sessions/sweep_sessions.py::SweepSessions._forget_attempts": "what came to nothing",
    "authentication/usecases/sessions/sweep_sessions.py::SweepSessions._forget_ended": _SWEPT,
    "authentication/usecases/sessions/sweep_sessions.py::SweepSessions._forget_failures": _SWEPT,
    "authentication/usecases/sessions/touch_sessions.py::TouchSessions.__call__": "when a session was last used",
    "device/usecases/find_user_code.py::FindUserCode.__call__": _COUNTED,
    "device/usecases/poll_device_code.py::PollDeviceCode._require_interval": _COUNTED,
    "device/usecases/record_polls.py::RecordPolls.__call__": _COUNTED,
    "device/usecases/sweep_device_codes.py::SweepDeviceCodes._delete_codes": _SWEPT,
    "device/usecases/sweep_device_codes.py::SweepDeviceCodes._delete_tallies": _SWEPT,
    "event_bridge/usecases/deliver_event.py::DeliverEvent.__call__": "the delivery is postponed without an attempt",
    "event_bridge/usecases/deliver_event.py::DeliverEvent.claim": "a lease of one replica",
    "event_bridge/usecases/redeliver_events.py::RedeliverEvents.__call__": _AGAIN,
    "event_bridge/usecases/redeliver_events.py::TestWebhook.__call__": _AGAIN,
    "event_bridge/usecases/sweep_deliveries.py::SweepDeliveries._delete_deliveries": _KEPT,
    "event_bridge/usecases/sweep_deliveries.py::SweepDeliveries._delete_events": _KEPT,
    "event_bridge/usecases/sweep_deliveries.py::SweepDeliveries._delete_tickets": _SWEPT,
    "event_bridge/usecases/sweep_deliveries.py::SweepDeliveries._give_up": _KEPT,
    "event_bridge/usecases/store_events.py::StoreEvents.__call__": "events of other services, queued for webhooks",
    "event_bridge/usecases/store_events.py::StoreEvents.acquire": "a lease of one replica",
    "event_bridge/usecases/store_events.py::StoreEvents.rewind": "a position in a stream",
    "key_rotation/usecases/get_signing_keys.py::GetSigningKeys.__call__": "how long a key has to stay after its last use",
    "token/usecases/clients/authenticate_client.py::AuthenticateClient._renew": "under which pepper a client's secret is kept",
    "token/usecases/clients/authenticate_client.py::AuthenticateClient._verify_assertion": "that an assertion was used, until it expires",
    "token/usecases/authorization/authorize.py::Authorize.__call__": _WAITS,
    "token/usecases/sessions/deliver_logout.py::DeliverLogout.__call__": "the outcome of a delivery attempt; the end of the session had its event",
    "token/usecases/sessions/deliver_logout.py::DeliverLogout.claim": "who delivers",
    "token/usecases/clients/manage_registration.py::ChangeRegistration._check_sector": _COUNTED,
    "token/usecases/authorization/push_authorization_request.py::PushAuthorizationRequest.__call__": _WAITS,
    "token/usecases/clients/register_client.py::RegisterClient._check_sector": _COUNTED,
    "token/usecases/authorization/resume_authorization.py::ResumeAuthorization.__call__": _WAITS,
    "token/usecases/tokens/verify_proof.py::VerifyProof.consume": "the request that the proof belongs to emits the event",
}
"""Transaction -> why it emits no event."""


@cache
def _modules() -> list[tuple[str, ast.Module]]:
    paths = sorted(SERVICES.glob("*/usecases/**/*.py"))
    return [(str(path.relative_to(SERVICES)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def _transactions(function: ast.AST) -> Iterator[tuple[ast.AsyncWith, str]]:
    """Blocks that may change something, with the name of their unit of work."""
    for node in ast.walk(function):
        if not isinstance(node, ast.AsyncWith):
            continue
        for item in node.items:
            call, name = item.context_expr, item.optional_vars
            if isinstance(call, ast.Call) and isinstance(name, ast.Name) and _name(call.func) in TRANSACTIONS:
                yield node, name.id


def _tells(block: ast.AST, work: str, telling: set[str]) -> bool:
    for node in ast.walk(block):
        if isinstance(node, ast.Call):
            if _name(node.func) == "emit":
                return True
            handed_on = any(isinstance(argument, ast.Name) and argument.id == work for argument in node.args)
            if handed_on and _name(node.func) in telling:
                return True
    return False


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@cache
def _telling(service: str) -> set[str]:
    """Functions of a service's use cases that emit, or hand what they are given to one that does."""
    functions = [
        (_called_as(name, path), node)
        for path, tree in _modules()
        if path.startswith(f"{service}/")
        for name, node in _functions(tree)
    ]
    telling: set[str] = set()
    while True:
        more = {
            name
            for name, node in functions
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and any(_tells(node, argument.arg, telling) for argument in node.args.args)
        }
        if more <= telling:
            return telling
        telling |= more


def _called_as(name: str, path: str) -> str:
    """A use case in the hands of another one is an attribute: `AdvanceAuthorization()` is `self._advance`."""
    method = name.rpartition(".")[2]
    return f"_{Path(path).stem.partition('_')[0]}" if method == "__call__" else method


def _silent() -> Counter[str]:
    found: Counter[str] = Counter()
    for path, tree in _modules():
        telling = _telling(path.partition("/")[0])
        for name, function in _functions(tree):
            for block, work in _transactions(function):
                found[f"{path}::{name}"] += not _tells(block, work, telling)
    return +found


def test_every_transaction_emits_an_event_or_is_listed_as_silent() -> None:
    assert set(_silent()) == set(SILENT)


def test_names_of_transaction_functions_are_known() -> None:
    """A new word for beginning one has to be added to TRANSACTIONS, or to READS."""
    words = {
        _name(item.context_expr.func)
        for _, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if isinstance(item.context_expr, ast.Call) and isinstance(item.optional_vars, ast.Name)
    }
    assert words - READS - TRANSACTIONS <= {"timeout", "lock"}


def test_silent_transaction_is_detected() -> None:
    emitting, silent = (
        ast.parse(f"async def change(self):\n    async with self._begin() as work:\n        {line}\n")
        for line in ("tell(work)", "await work.things.add(1)")
    )
    ((block, work),) = _transactions(emitting)
    assert _tells(block, work, {"tell"})
    assert not _tells(block, work, set())
    ((block, work),) = _transactions(silent)
    assert not _tells(block, work, {"tell", "add"})


EVENTS = {
    message.name: message.GetOptions().Extensions[events_pb2.event].producer
    for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
    if message.GetOptions().HasExtension(events_pb2.event)
}


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_of_the_contract_is_emitted_by_its_producer(event: str) -> None:
    service = SERVICES / EVENTS[event].replace("-", "_")
    events = service / "events.py"
    makers = {
        name
        for name, function in _functions(ast.parse(events.read_text(encoding="utf-8")))
        if any(isinstance(node, ast.Attribute) and node.attr == event for node in ast.walk(function))
    }
    assert makers, f"nothing in {events} makes it"
    others = [path.read_text(encoding="utf-8") for path in service.rglob("*.py")]
    assert any(f"{maker}(" in source.replace(f"def {maker}(", "") for maker in makers for source in others)
