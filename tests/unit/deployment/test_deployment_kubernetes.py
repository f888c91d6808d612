"""The manifests as they are written: configuration, secrets and network policies of each pod."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.docker import addresses
from deploy.provision.topology import IDENTITIES, SERVICE_NAMES, SERVICES
from latchkey.authentication.v1 import accounts_pb2, admin_pb2, sessions_pb2
from latchkey.bridge.v1 import streams_pb2, webhooks_pb2
from latchkey.device.v1 import device_pb2
from latchkey.keys.v1 import keys_pb2
from latchkey.token.v1 import admin_pb2 as token_admin_pb2
from latchkey.token.v1 import authorization_pb2
from libs.cli import connection
from libs.servicekit.grpc.identity import host_name
from libs.servicekit.grpc.server import permitted_callers
from tests.unit.deployment.documents import (
    KUBERNETES,
    ROOT,
    base,
    config_maps,
    container,
    kustomization,
    objects,
    only,
    service,
    settings_of,
    variables,
)

DEPLOYMENTS = base("Deployment")
CONFIG = config_maps()
each_service = pytest.mark.parametrize("shape", SERVICES, ids=lambda shape: shape.name)
CONTRACT = {
    "token": (authorization_pb2, token_admin_pb2),
    "authentication": (sessions_pb2, accounts_pb2, admin_pb2),
    "device": (device_pb2,),
    "key-rotation": (keys_pb2,),
    "event-bridge": (webhooks_pb2, streams_pb2),
}
"""Whose RPCs are in which file of the contract."""


def volume(name: str, called: str) -> Any:
    volumes = DEPLOYMENTS[name]["spec"]["template"]["spec"]["volumes"]
    return only(each for each in volumes if each["name"] == called)["secret"]


def secret_files(name: str) -> set[str]:
    return {item["path"] for item in volume(name, "secrets")["items"]}


@each_service
def test_service_has_exactly_the_settings_that_it_reads(shape):
    service = container(DEPLOYMENTS[shape.name])
    sources = [source["configMapRef"]["name"] for source in service["envFrom"]]
    configured = set().union(*(CONFIG[source] for source in sources)) | {
        each["name"] for each in service.get("env", ())
    }
    assert sources == ["latchkey", shape.name]
    assert variables(settings_of(shape), required=True) <= configured <= variables(settings_of(shape))


@each_service
def test_service_has_exactly_the_files_that_its_settings_name(shape):
    configured = CONFIG["latchkey"] | CONFIG[shape.name]
    secrets = {path.rsplit("/", 1)[1] for path in configured.values() if path.startswith("/etc/latchkey/secrets/")}
    reads = {file for _, file in shape.nats_users.values()}
    keys = {f"{name}.key" for name in shape.secrets.values()}
    assert secrets == secret_files(shape.name) == {"nats.creds"} | reads | keys
    assert volume(shape.name, "secrets")["secretName"] == shape.name
    assert volume(shape.name, "tls")["secretName"] == f"{shape.name}-tls"


@pytest.mark.parametrize("name", [shape.name for shape in SERVICES if shape.database])
def test_a_migration_runs_with_the_image_and_the_configuration_of_its_service(name):
    service, migration = (container(DEPLOYMENTS[name], called) for called in ("service", "migrate"))
    for part in ("image", "envFrom", "env"):
        assert migration[part] == service[part]
    url = only(service["env"])
    assert url["valueFrom"]["secretKeyRef"] == {"name": name, "key": "database-url"}


def test_the_patches_reach_every_deployment_and_every_migration():
    everybody, with_data = (patch["target"] for patch in kustomization("base")["patches"])
    assert everybody == {"kind": "Deployment"}
    patched = {name for name in DEPLOYMENTS if re.fullmatch(with_data["name"], name)}
    assert patched == {shape.name for shape in SERVICES if shape.database and not shape.optional}


def test_an_optional_service_has_all_that_the_patches_give_the_others():
    (pod,) = objects(KUBERNETES / "base/pod.yaml")
    (migration,) = objects(KUBERNETES / "base/migration.yaml")
    for shape in (shape for shape in SERVICES if shape.optional):
        written = DEPLOYMENTS[shape.name]
        (migrate,) = migration["spec"]["template"]["spec"]["initContainers"]
        for patch in (container(pod), migrate):
            own = container(written, patch["name"])
            for key, value in patch.items():
                assert key == "ports" or own[key] == value, key
        for key, value in pod["spec"]["template"]["spec"].items():
            if key not in {"containers", "volumes"}:
                assert written["spec"]["template"]["spec"][key] == value, key


@each_service
def test_a_pod_may_take_the_time_to_stop_that_it_needs(shape):
    (pod,) = objects(KUBERNETES / "base/pod.yaml")
    spec = pod["spec"]["template"]["spec"]
    pause = container(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
    listeners = shape.grpc + (shape.edge is not None)
    needed = pause + listeners * float(CONFIG["latchkey"]["LATCHKEY_SHUTDOWN_SECONDS"])
    assert spec["terminationGracePeriodSeconds"] > needed


@each_service
def test_targets_name_a_headless_service_whose_pods_listen_there(shape):
    services = base("Service")
    for name, target in CONFIG[shape.name].items():
        if not name.endswith("_TARGET"):
            continue
        host, port = target.removeprefix("dns:///").split(":")
        spec = services[host]["spec"]
        callee = spec["selector"]["app.kubernetes.io/name"]
        assert callee in shape.calls
        assert name == f"LATCHKEY_{callee.replace('-', '_').upper()}_TARGET"
        assert spec["clusterIP"] == "None"
        assert int(port) in {each["port"] for each in spec["ports"]}
        assert CONFIG[callee]["LATCHKEY_GRPC_LISTEN"].endswith(f":{port}")


@each_service
def test_ports_of_a_pod_are_those_on_which_the_service_listens(shape):
    configured = CONFIG["latchkey"] | CONFIG[shape.name]
    listens = {
        name: int(configured[f"LATCHKEY_{name.upper()}_LISTEN"].split(":")[1])
        for name in ("http", "grpc", "ops")
        if f"LATCHKEY_{name.upper()}_LISTEN" in configured
    }
    (pod,) = objects(KUBERNETES / "base/pod.yaml")
    ports = [*container(DEPLOYMENTS[shape.name])["ports"], *(() if shape.optional else container(pod)["ports"])]
    assert {port["name"]: port["containerPort"] for port in ports} == listens


def peers(rules: list[dict[str, Any]], side: str, port: int) -> set[str]:
    """Who is named by rules for a port; `*` for everybody."""
    found = set()
    for rule in rules:
        if {"port": port} in rule["ports"]:
            found |= {peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for peer in rule.get(side, ())}
            found |= {"*"} if side not in rule else set()
    return found


@pytest.mark.s(63)
@pytest.mark.parametrize("callee", CONTRACT)
def test_network_policy_allows_exactly_the_callers_of_each_service(callee):
    services = [service for file in CONTRACT[callee] for service in file.DESCRIPTOR.services_by_name.values()]
    callers = set().union(*(permitted_callers(method) for service in services for method in service.methods))
    policy = base("NetworkPolicy")[callee]["spec"]
    assert peers(policy["ingress"], "from", addresses.GRPC_PORT) == callers


@pytest.mark.s(63)
@each_service
def test_network_policy_allows_outbound_calls_of_each_service(shape):
    policy = base("NetworkPolicy")[shape.name]["spec"]
    assert peers(policy.get("egress", []), "to", addresses.GRPC_PORT) == set(shape.calls)
    assert ("Egress" in policy["policyTypes"]) == bool(shape.calls or shape.name == "event-bridge")


def test_only_edges_are_open_to_all_sources():
    for name, policy in base("NetworkPolicy").items():
        open_ports = [rule["ports"] for rule in policy["spec"].get("ingress", ()) if "from" not in rule]
        assert open_ports == ([[{"port": addresses.HTTP_PORTS[name]}]] if name in addresses.HTTP_PORTS else [])


def test_network_policy_denies_by_default():
    (spec,) = (
        policy["spec"]
        for policy in base("NetworkPolicy").values()
        if policy["spec"]["podSelector"] == {} and "Ingress" in policy["spec"]["policyTypes"]
    )
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_service_without_data_cannot_reach_database():
    selector = base("NetworkPolicy")["services-to-postgresql"]["spec"]["podSelector"]
    assert set(only(selector["matchExpressions"])["values"]) == {shape.name for shape in SERVICES if shape.database}
    (nats,) = base("NetworkPolicy")["services-to-nats"]["spec"]["podSelector"]["matchExpressions"]
    assert set(nats["values"]) == set(SERVICE_NAMES)


def test_every_service_survives_a_drained_node_and_token_is_scaled_by_its_load():
    budgets = base("PodDisruptionBudget")
    assert {each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] for each in budgets.values()} == set(
        SERVICE_NAMES
    )
    replicas = {name: deployment["spec"].get("replicas") for name, deployment in DEPLOYMENTS.items()}
    scaler = base("HorizontalPodAutoscaler")["token"]["spec"]
    assert replicas.pop("token") is None
    assert min(scaler["minReplicas"], *replicas.values()) >= 2
    assert scaler["scaleTargetRef"]["name"] == "token"


def test_every_identity_has_a_certificate_of_its_name():
    certificates = objects(KUBERNETES / "components/cert-manager/identities.yaml")
    assert {each["metadata"]["name"]: each["spec"] for each in certificates} == {
        identity: {"secretName": f"{identity}-tls", "dnsNames": [host_name(identity)]} for identity in IDENTITIES
    }
    target = kustomization("components/cert-manager")["patches"][0]["target"]
    assert all(re.fullmatch(target["name"], identity) for identity in IDENTITIES)


def test_the_ingress_sends_every_endpoint_of_the_client_edge_to_the_token_service():
    (ingress,) = objects(KUBERNETES / "components/ingress/ingress.yaml")
    paths = {path["path"]: path["backend"]["service"]["name"] for path in ingress["spec"]["rules"][0]["http"]["paths"]}
    source = (ROOT / "services/token/http/app.py").read_text()
    served = set(re.findall(r'web\.(?:get|post)\("(/[^"]*)"', source))
    assert served
    assert served <= {path for path, service in paths.items() if service == "token"}
    assert paths["/"] == "authorize-frontend"


def test_cli_has_the_address_of_every_service():
    literals = kustomization("components/cli")["configMapGenerator"][0]["literals"]
    settings = dict(literal.split("=", 1) for literal in literals)
    (optional,) = (each for each in kustomization("production")["patches"] if each["target"].get("name") == "cli")
    for operation in yaml.safe_load(optional["patch"]):
        settings[operation["path"].removeprefix("/data/")] = operation["value"]
    configured = connection.find(CONFIG["latchkey"] | settings, Path("/nowhere"))
    called = {"token", "authentication", "key-rotation", "event-bridge"}
    services = base("Service")
    assert configured.grpc.keys() == called
    assert configured.ops.keys() == {shape.name for shape in SERVICES if not shape.optional}
    for port, targets in (("grpc", configured.grpc), ("ops", configured.ops)):
        for name, target in targets.items():
            host, number = target.removeprefix("dns:///").split(":")
            offered = {each["name"]: each["port"] for each in services[host]["spec"]["ports"]}
            assert offered[port] == int(number)
            assert services[host]["spec"]["selector"] == {"app.kubernetes.io/name": name}


def test_mail_component_sets_valid_settings() -> None:
    component = kustomization("components/mail")
    (generated,) = component["configMapGenerator"]
    configured = dict(literal.split("=", 1) for literal in generated["literals"])
    assert (generated["name"], generated["behavior"]) == ("authentication", "merge")
    assert set(configured) <= variables(settings_of(service("authentication")))
    policy, patch = (objects(KUBERNETES / "components/mail" / name)[0] for name in ("network.yaml", "password.yaml"))
    assert policy["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "authentication"}
    pod = patch["spec"]["template"]["spec"]
    mounts = [each["volumeMounts"] for each in (*pod["initContainers"], *pod["containers"])]  # each reads all settings
    assert mounts == [[{"name": "mail", "mountPath": "/etc/latchkey/mail", "readOnly": True}]] * 2
    assert configured["LATCHKEY_SMTP_PASSWORD_FILE"].startswith("/etc/latchkey/mail/")
