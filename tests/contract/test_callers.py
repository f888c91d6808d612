"""Permitted callers of the RPCs: options that the interceptor reads agree with the comments in the contract."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import ServiceDescriptor

from deploy.provision.topology import SERVICES
from libs.servicekit.grpc.server import permitted_callers
from tests.contract.contract import methods, path_of, services
from tests.support.mutual_tls import IDENTITIES

pytestmark = pytest.mark.s(63)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def image() -> dict[str, Any]:
    """The contract as buf reads it: an implementation that shares no code with the interceptor."""
    buf = Path(sys.executable).with_name("buf")
    built = subprocess.run([buf, "build", "protos", "-o", "-#format=json"], cwd=ROOT, capture_output=True, check=True)
    return {file["name"]: file for file in json.loads(built.stdout)["file"]}


def test_buf_and_the_interceptor_read_the_same_callers(image):
    def options(of: dict[str, Any], name: str) -> Any:
        return of.get("options", {}).get(f"[latchkey.access.v1.{name}]", [])

    from_buf = {
        f"/{file['package']}.{service['name']}/{method['name']}": frozenset(
            options(method, "method_callers") or options(service, "callers")
        )
        for file in image.values()
        for service in file.get("service", [])
        for method in service["method"]
    }
    assert from_buf == {path_of(method): permitted_callers(method) for method in methods()}


@pytest.mark.parametrize("service", services(), ids=lambda service: service.full_name)
def test_every_service_names_callers_that_exist(service: ServiceDescriptor):
    for method in service.methods:
        assert permitted_callers(method)
        assert permitted_callers(method) <= set(IDENTITIES)


def test_every_comment_names_the_callers_that_are_enforced(image):
    for method in methods():
        service = method.containing_service
        file = image[service.file.name]
        path = [6, service.index, 2, method.index]
        comment = next(
            location["leadingComments"]
            for location in file["sourceCodeInfo"]["location"]
            if location.get("path") == path
        )
        named = re.search(r"Callers: ([a-z, -]+)\.", " ".join(comment.split()))  # wherever the lines are broken
        assert named, f"{path_of(method)} names no callers"
        assert frozenset(named[1].split(", ")) == permitted_callers(method), path_of(method)


def test_services_call_only_permitted_methods(image):
    owner = {
        "token": "token",
        "authentication": "authentication",
        "device": "device",
        "keys": "key-rotation",
        "bridge": "event-bridge",
    }
    reach = {service.name: set(service.calls) for service in SERVICES} | {"cli": set(owner.values())}
    for method in methods():
        callee = owner[method.containing_service.full_name.split(".")[1]]
        assert all(callee in reach[caller] for caller in permitted_callers(method)), path_of(method)


def test_contract_has_no_streaming_methods(image):
    assert not [
        method["name"]
        for file in image.values()
        for service in file.get("service", [])
        for method in service["method"]
        if method.get("clientStreaming") or method.get("serverStreaming")
    ]
