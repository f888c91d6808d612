"""docker-compose.yml: what each container is configured, may do, can reach and can see."""

import re
import runpy
import socket
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from deploy.docker import addresses
from deploy.docker.handout import PublicUrls, hand_out
from deploy.docker.setup import prepare
from deploy.provision.home import Home
from deploy.provision.topology import SERVICES
from libs.servicekit.base.settings import SecretKeys
from services.key_rotation.adapters.key_ring import KeyRing
from tests.unit.deployment.documents import COMPOSE, ROOT, defaulted, service, settings_of, variables

CONTAINERS = COMPOSE["services"]
PLATFORM = {"setup", "cli", "nats", "postgres"}
each_service = pytest.mark.parametrize("shape", SERVICES, ids=lambda shape: shape.name)


def environment(name: str) -> dict[str, str]:
    return {key: defaulted(value) for key, value in CONTAINERS[name]["environment"].items()}


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    """What setup hands out, as it does in the composed stack."""
    home = Home(tmp_path_factory.mktemp("home"))
    folder = tmp_path_factory.mktemp("handout")
    prepare(home, now=datetime.now(UTC))
    hand_out(home, folder, PublicUrls(issuer="http://localhost:8080", client_edge="http://localhost:8081"))
    return folder


def test_the_stack_is_the_services_and_what_they_stand_on():
    assert COMPOSE["name"] == "latchkey"
    optional = {shape.name for shape in SERVICES if shape.optional}
    assert {name for name, each in CONTAINERS.items() if "profiles" in each} == optional | {"cli"}
    assert CONTAINERS.keys() == {shape.name for shape in SERVICES} | PLATFORM


@each_service
def test_service_has_exactly_the_settings_that_it_reads(shape):
    configured = {name for name in environment(shape.name) if name.startswith("LATCHKEY_")}
    assert variables(settings_of(shape), required=True) <= configured <= variables(settings_of(shape))


@each_service
def test_service_settings_are_valid(shape, handout, monkeypatch):
    for name, value in environment(shape.name).items():
        monkeypatch.setenv(name, value.replace(str(addresses.PRIVATE), str(handout / shape.name)))
    settings = settings_of(shape).model_validate({})
    assert settings.ops_listen.port == addresses.OPS_PORT
    for variable in shape.secrets:
        secret = getattr(settings, variable.removeprefix("LATCHKEY_").lower())
        match secret:
            case KeyRing():
                assert secret.keys
            case SecretKeys():
                assert secret.first
            case _:
                assert secret.get_secret_value()


@each_service
def test_service_volume_is_mounted_only_by_service_and_setup(shape):
    assert CONTAINERS[shape.name]["volumes"] == [f"{shape.name}:{addresses.PRIVATE}:ro"]
    seen_by = {name for name, each in CONTAINERS.items() if shape.name in sources(each)}
    assert seen_by == {shape.name, "setup"}


def sources(container: dict[str, Any]) -> set[str]:
    return {v["source"] if isinstance(v, dict) else v.split(":")[0] for v in container.get("volumes", ())}


def test_authority_volume_is_mounted_only_by_setup():
    assert [name for name, each in CONTAINERS.items() if "authority" in sources(each)] == ["setup"]
    assert CONTAINERS["setup"]["network_mode"] == "none"
    assert COMPOSE["volumes"].keys() == set().union(*map(sources, CONTAINERS.values()))


def test_setup_hands_out_into_the_volume_of_each():
    handed = {mount.split(":")[1]: mount.split(":")[0] for mount in CONTAINERS["setup"]["volumes"]}
    assert handed.pop(str(addresses.PRIVATE)) == "authority"
    assert handed == {f"{addresses.HANDOUT}/{volume}": volume for volume in handed.values()}


@pytest.mark.s(65)
def test_no_container_may_write_to_its_image_or_gain_rights():
    for name, each in CONTAINERS.items():
        assert each["read_only"] is True, name
        assert each["cap_drop"] == ["ALL"], name
        assert each["security_opt"] == ["no-new-privileges:true"], name
        assert not each.keys() & {"privileged", "devices", "pid", "ipc", "userns_mode"}, name
    assert [name for name, each in CONTAINERS.items() if "cap_add" in each] == ["postgres"]


def test_only_the_edges_can_be_reached_and_from_this_machine_only():
    published = {name: each["ports"] for name, each in CONTAINERS.items() if "ports" in each}
    assert {name: [defaulted(port) for port in ports] for name, ports in published.items()} == {
        name: [f"127.0.0.1:{port}:{port}"] for name, port in addresses.HTTP_PORTS.items()
    }


def neighbours(name: str) -> set[str]:
    own = set(CONTAINERS[name].get("networks", ()))
    return {other for other, each in CONTAINERS.items() if own & set(each.get("networks", ()))} - {name}


def test_service_without_data_cannot_reach_database():
    assert neighbours("postgres") == {shape.name for shape in SERVICES if shape.database}


@each_service
def test_service_shares_network_with_services_that_it_calls(shape):
    assert {*shape.calls, "nats"} <= neighbours(shape.name)


def test_only_edges_and_email_sender_have_outbound_network():
    ways_out = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    members = {way: {name for name, each in CONTAINERS.items() if way in each.get("networks", ())} for way in ways_out}
    assert members == {"edge": {*addresses.HTTP_PORTS}, "mail": {"authentication"}}


@each_service
def test_targets_name_the_container_and_the_port_on_which_it_listens(shape):
    configured = environment(shape.name)
    targets = {name: value for name, value in configured.items() if name.endswith("_TARGET")}
    for name, target in targets.items():
        callee = name.removeprefix("LATCHKEY_").removesuffix("_TARGET").lower().replace("_", "-")
        assert callee in shape.calls
        assert target == f"dns:///{callee}:{environment(callee)['LATCHKEY_GRPC_LISTEN'].split(':')[1]}"


@pytest.mark.parametrize("name", [shape.name for shape in SERVICES if shape.database])
def test_a_service_is_its_own_role_in_the_database_and_no_password_is_in_its_environment(name):
    url = make_url(environment(name)["LATCHKEY_DATABASE_URL"])
    assert url.username == service(name).package
    assert url.password is None
    assert (url.host, url.port, url.database) == (addresses.POSTGRES_HOST, addresses.POSTGRES_PORT, addresses.DATABASE)


@each_service
def test_a_service_gets_the_time_to_stop_that_it_may_take(shape):
    shutdown = float(environment(shape.name)["LATCHKEY_SHUTDOWN_SECONDS"])
    listeners = shape.grpc + (shape.edge is not None)
    assert seconds(CONTAINERS[shape.name]["stop_grace_period"]) > listeners * shutdown


def seconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)s", text)
    assert match is not None
    return int(match.group(1))


def test_probe_requests_health_endpoint():
    probe = runpy.run_path(str(ROOT / "deploy/docker/probe.py"))
    assert probe["OPS"] == ("127.0.0.1", addresses.OPS_PORT)


def test_probe_succeeds_only_for_ready_response(probe_answer):
    assert probe_answer(b"HTTP/1.1 200 OK\r\n\r\n{}") is True
    assert probe_answer(b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}") is False
    assert probe_answer(b"200") is False
    assert probe_answer(None) is False


@pytest.fixture
def probe_answer():
    """Run the probe against a service with this response; None: no server listens."""

    def ask(answer: bytes | None) -> bool:
        with socket.create_server(("127.0.0.1", 0)) as server:
            probe = runpy.run_path(str(ROOT / "deploy/docker/probe.py"))
            probe["ready"].__globals__["OPS"] = server.getsockname()
            if answer is None:
                server.close()
                return bool(probe["ready"]())

            def serve() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.recv(1024)
                    connection.sendall(answer)

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                return bool(probe["ready"]())
            finally:
                thread.join()

    return ask
