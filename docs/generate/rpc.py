"""docs/rpc.md: who may call what."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deploy.provision.topology import IDENTITIES
from docs.generate import contract
from docs.generate.markdown import anchor, code, codes, table
from docs.generate.sources import SourceError, code_of, prose
from libs.servicekit.grpc.channels import DEADLINE_SECONDS

_SERVED_BY = {"keys": "key-rotation", "bridge": "event-bridge"}
"""Area of the contract -> identity of the service, where the two are not called the same."""
_COMMENT = re.compile(
    r"(?P<meaning>.*?)\s*Callers: (?P<callers>[a-z, -]+)\.(?:\s+Errors: (?P<errors>.+?)\.?)?", re.DOTALL
)


@dataclass(frozen=True)
class Described:
    """One RPC as its comment has it: `<meaning> Callers: <callers>. Errors: <errors>.`"""

    rpc: contract.Rpc
    meaning: str
    errors: str


def page() -> str:
    services = [service for file in contract.load().values() for service in file.services()]
    return prose(
        "rpc.md",
        deadline=f"{DEADLINE_SECONDS:g}",
        callers=_by_caller(services),
        services="\n\n".join(map(_section, services)),
    )


def described(rpc: contract.Rpc) -> Described:
    """The parts of an RPC's comment.

    Raises:
        SourceError: the callers in the comment are missing, unknown, or differ from the options.
    """
    parts = _COMMENT.fullmatch(rpc.comment)
    if parts is None:
        raise SourceError(
            f"the comment of the RPC {rpc.name} must end with `Callers: ….`, then `Errors: ….` if it has any"
        )
    named = {caller.strip() for caller in parts["callers"].split(",")}
    if named != set(rpc.callers):
        raise SourceError(f"the comment of the RPC {rpc.name} names {sorted(named)}, its options {sorted(rpc.callers)}")
    if unknown := named - set(IDENTITIES):
        raise SourceError(f"the RPC {rpc.name} may be called by {sorted(unknown)}, which no certificate is for")
    return Described(rpc, parts["meaning"], parts["errors"] or "")


def served_by(service: contract.RpcService) -> str:
    """The identity of the process that serves it. Raises SourceError for an area of no service."""
    area = service.package.split(".")[1]
    identity = _SERVED_BY.get(area, area)
    if identity not in IDENTITIES:
        raise SourceError(f"no service is known to serve {service.package}: see _SERVED_BY in docs/generate/rpc.py")
    return identity


def _by_caller(services: Sequence[contract.RpcService]) -> str:
    rows = [(caller, "<br>".join(_callable_by(caller, services)) or "nothing") for caller in IDENTITIES]
    return table(("caller", "may call"), rows)


def _callable_by(caller: str, services: Iterable[contract.RpcService]) -> Iterable[str]:
    for service in services:
        permitted = [rpc.name for rpc in service.rpcs if caller in rpc.callers]
        if permitted:
            what = "all" if len(permitted) == len(service.rpcs) else codes(permitted)
            yield f"{served_by(service)}: [{service.name}](#{anchor(_heading(service))}) ({what})"


def _heading(service: contract.RpcService) -> str:
    return f"{service.package}.{service.name}"


def _section(service: contract.RpcService) -> str:
    identity = served_by(service)
    rows = [
        (code(one.rpc.name), ", ".join(one.rpc.callers), f"{one.meaning} {_yet(one.rpc, identity)}", one.errors)
        for one in map(described, service.rpcs)
    ]
    return (
        f"### {_heading(service)}\n\nServed by {identity}. {service.comment}\n\n"
        + table(("RPC", "callers", "what it does", "errors"), rows).strip()
    )


def _yet(rpc: contract.Rpc, identity: str) -> str:
    return "" if f"async def {rpc.name}(" in code_of(identity) else "**Not served yet.**"
