import socket

import pytest

from deploy.local.ports import PortProblemError, Ports, is_free


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_defaults_are_those_of_the_design():
    ports = Ports.of({})
    assert [port.number for port in (ports.browser, ports.client, ports.playground, ports.nats)] == [
        8080,
        8081,
        8090,
        4222,
    ]
    assert {name: port.address for name, port in ports.grpc.items()}["key-rotation"] == "127.0.0.1:9084"
    assert ports.ops["authorize-frontend"].number == 9180


def test_the_offset_moves_the_internal_ports_only():
    ports = Ports.of({"LATCHKEY_INTERNAL_PORT_OFFSET": "1000"})
    assert (ports.grpc["token"].number, ports.ops["token"].number, ports.browser.number) == (10081, 10181, 8080)


def test_check_free_names_each_port_in_use_with_its_variable(listener):
    offset = listener - 9182
    with socket.create_server(("127.0.0.1", 0)) as second:
        nats = second.getsockname()[1]
        ports = Ports.of({"LATCHKEY_NATS_PORT": str(nats), "LATCHKEY_INTERNAL_PORT_OFFSET": str(offset)})
        with pytest.raises(PortProblemError) as problem:
            ports.check_free()
    lines = str(problem.value).splitlines()
    assert f"port {nats} of NATS is in use: set LATCHKEY_NATS_PORT to another port" in lines
    assert any(
        f"port {listener} of" in line and "in use" in line and "LATCHKEY_INTERNAL_PORT_OFFSET" in line for line in lines
    )


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_port_is_not_free_with_listener_on_ipv6_loopback():
    try:
        server = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")
    with server:
        assert not is_free(server.getsockname()[1])


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LATCHKEY_BROWSER_PORT": "http"}, "LATCHKEY_BROWSER_PORT must be a number, not 'http'"),
        ({"LATCHKEY_BROWSER_PORT": "70000"}, "port 70000 of the browser edge is out of range"),
        ({"LATCHKEY_BROWSER_PORT": "8081"}, "port 8081 is assigned twice"),
        ({"LATCHKEY_INTERNAL_PORT_OFFSET": "-9000"}, None),
        ({"LATCHKEY_INTERNAL_PORT_OFFSET": "60000"}, "(LATCHKEY_INTERNAL_PORT_OFFSET)"),
    ],
)
def test_invalid_ports_are_refused(environment, words):
    if words is None:
        assert Ports.of(environment).grpc["token"].number == 81
        return
    with pytest.raises(PortProblemError) as problem:
        Ports.of(environment)
    assert words in str(problem.value)
