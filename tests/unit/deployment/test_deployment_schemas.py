"""`make k8s-check` and the Secrets: what is built is what Kubernetes takes, and a fault is found."""

import base64
import contextlib
import copy
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.kubernetes import schemas, secrets
from deploy.provision.home import PROJECT_ROOT
from deploy.provision.topology import IDENTITIES, SERVICES

BUILDER = schemas.builder()
needs_builder = pytest.mark.skipif(
    BUILDER is None, reason="neither kubectl nor kustomize, which build the manifests, is on this machine"
)
HARDENED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


@pytest.fixture(scope="module")
def built():
    """Objects by the name of the overlay."""
    return {overlay.name: schemas.build(overlay, command=BUILDER or []) for overlay in schemas.overlays()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The Secrets, as `kubectl apply` is given them."""
    home = tmp_path_factory.mktemp("home")
    return {each["metadata"]["name"]: each for each in run_secrets(home, "--tls")}


def run_secrets(home: Path, *arguments: str) -> list[dict[str, Any]]:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        assert secrets.main(["--home", str(home), *arguments]) == 0
    items: list[dict[str, Any]] = json.loads(output.getvalue())["items"]
    for each in items:
        each["decoded"] = {key: base64.b64decode(value).decode() for key, value in each["data"].items()}
    return items


@needs_builder
def test_every_overlay_is_taken_by_kubernetes(capsys):
    assert schemas.main() == 0
    said = capsys.readouterr().out
    assert {overlay.name for overlay in schemas.overlays()} == {"base", "production", "trial"}
    assert all(f"{overlay.name}: " in said for overlay in schemas.overlays())


@needs_builder
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda pod: pod.update(automountServiceAccountTokens=False), "automountServiceAccountTokens"),
        (lambda pod: pod["containers"][0].update(ports="8080"), "ports"),
        (lambda pod: pod.pop("containers"), "'containers' is a required property"),
    ],
    ids=["an unknown field", "a wrong type", "a missing field"],
)
def test_a_fault_is_named_with_its_object(built, change, said):
    deployment = copy.deepcopy(next(each for each in built["base"] if each["kind"] == "Deployment"))
    change(deployment["spec"]["template"]["spec"])
    (fault,) = schemas.faults([deployment], version=schemas.OLDEST)
    assert fault.startswith("Deployment authentication: ")
    assert said in fault


def test_a_kind_that_kubernetes_does_not_know_is_a_fault():
    (fault,) = schemas.faults(
        [{"apiVersion": "apps/v1", "kind": "Deploiment", "metadata": {"name": "token"}}], version=schemas.OLDEST
    )
    assert "there is no Deploiment in apps/v1" in fault


@needs_builder
def test_an_overlay_that_cannot_be_built_fails_the_check(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources: [missing.yaml]\n")
    (fault,) = schemas.check(tmp_path, command=BUILDER or [])
    assert "missing.yaml" in fault


def test_without_a_builder_the_check_says_why_it_does_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert schemas.main() == 0
    assert "skipped: kubectl and kustomize" in capsys.readouterr().out


def test_make_calls_the_check():
    assert "\t@deploy/kubernetes/check\n" in (PROJECT_ROOT / "Makefile").read_text()
    assert os.access(PROJECT_ROOT / "deploy/kubernetes/check", os.X_OK)


@needs_builder
@pytest.mark.s(65)
def test_no_pod_of_any_overlay_may_gain_rights_or_write_to_its_image(built):
    workloads = [
        each for objects in built.values() for each in objects if each["kind"] in {"Deployment", "StatefulSet"}
    ]
    assert len(workloads) == 5 + 7 + 8
    for each in workloads:
        name, pod = each["metadata"]["name"], each["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            assert container["securityContext"] == HARDENED, name
            assert container["resources"]["limits"]["memory"], name
            assert "cpu" in container["resources"]["requests"], name


@needs_builder
def test_every_service_is_probed_at_its_health_port_and_spread_over_nodes(built):
    services = [
        each for each in built["production"] if each["kind"] == "Deployment" and each["metadata"]["name"] != "cli"
    ]
    assert {each["metadata"]["name"] for each in services} == {shape.name for shape in SERVICES}
    core = {each["metadata"]["name"] for each in built["base"] if each["kind"] == "Deployment"}
    assert core == {shape.name for shape in SERVICES if not shape.optional}
    for each in services:
        pod = each["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        asked = {probe: container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "liveness", "readiness")}
        assert asked == {
            "startup": {"path": "/livez", "port": "ops"},
            "liveness": {"path": "/livez", "port": "ops"},
            "readiness": {"path": "/readyz", "port": "ops"},
        }
        assert {spread["topologyKey"] for spread in pod["topologySpreadConstraints"]} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
        assert pod["serviceAccountName"] == each["metadata"]["name"]


@needs_builder
def test_the_overlays_hold_no_secret(built):
    assert not [each for objects in built.values() for each in objects if each["kind"] == "Secret"]


OPERATORS_OWN = "authentication-mail"
"""The password at a mail server is not ours to make."""


@needs_builder
def test_every_secret_that_a_pod_names_is_made_and_has_the_keys_that_it_names(built, made):
    named = set()
    for each in (each for objects in built.values() for each in objects):
        for secret, keys in secrets_named(each.get("spec", {}).get("template", {}).get("spec", {})):
            if secret == OPERATORS_OWN:
                continue
            named.add(secret)
            assert keys <= made[secret]["decoded"].keys(), f"{each['metadata']['name']}: {secret}"
    assert named == made.keys()


def secrets_named(pod: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    for volume in pod.get("volumes", ()):
        sources = [volume, *volume.get("projected", {}).get("sources", ())]
        for source in (source["secret"] for source in sources if "secret" in source):
            yield source.get("secretName") or source["name"], {item["key"] for item in source.get("items", ())}
    for container in [*pod.get("containers", ()), *pod.get("initContainers", ())]:
        for variable in container.get("env", ()):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield reference["name"], {reference["key"]}


def test_the_secrets_are_taken_by_kubernetes(made):
    plain = [{name: value for name, value in each.items() if name != "decoded"} for each in made.values()]
    assert schemas.faults(plain, version=schemas.OLDEST) == []


@pytest.mark.s(60)
def test_secrets_contain_no_plain_text(made):
    """Client-side apply keeps the text of `stringData` in an annotation."""
    for each in made.values():
        assert "stringData" not in each
        text = json.dumps({name: value for name, value in each.items() if name != "decoded"})
        assert all(value not in text for value in each["decoded"].values())


@needs_builder
def test_trial_fits_a_node_with_two_cpus_and_four_gibibytes(built):
    cpus = memory = 0
    for each in built["trial"]:
        if each["kind"] not in {"Deployment", "StatefulSet"}:
            continue
        pod, replicas = each["spec"]["template"]["spec"], each["spec"].get("replicas", 1)
        requests = [[_requested(each) for each in pod.get(kind, ())] for kind in ("containers", "initContainers")]
        running, starting = requests
        cpus += replicas * max(sum(cpu for cpu, _ in running), *(cpu for cpu, _ in starting), 0)
        memory += replicas * max(sum(size for _, size in running), *(size for _, size in starting), 0)
    assert 0 < cpus <= 1_000, "the pods of the cluster itself request up to 1 CPU"
    assert 0 < memory <= 3 * 1024


def _requested(container: dict[str, Any]) -> tuple[int, int]:
    """Thousandths of a CPU, and MiB."""
    requests = container["resources"]["requests"]
    return int(requests["cpu"].removesuffix("m")), int(requests["memory"].removesuffix("Mi"))


@needs_builder
@pytest.mark.parametrize("overlay", ["base", "trial", "production"])
def test_new_pods_replace_old_ones_after_the_cache_of_cluster_dns(built, overlay):
    """Otherwise all pods are replaced while other services know only the old addresses."""
    services = {shape.name for shape in SERVICES}
    deployments = [
        each for each in built[overlay] if each["kind"] == "Deployment" and each["metadata"]["name"] in services
    ]
    assert deployments
    for each in deployments:
        assert each["spec"]["minReadySeconds"] >= 30, each["metadata"]["name"]


def test_a_service_gets_no_key_of_another(made):
    keys = {shape.name: {key for key in made[shape.name]["decoded"] if key.endswith(".key")} for shape in SERVICES}
    assert keys == {shape.name: {f"{secret}.key" for secret in shape.secrets.values()} for shape in SERVICES}
    assert "database-url" not in made["authorize-frontend"]["decoded"]


def test_certificates_are_left_to_cert_manager_unless_asked_for(tmp_path):
    without = {each["metadata"]["name"] for each in run_secrets(tmp_path)}
    assert {f"{identity}-tls" for identity in IDENTITIES} & without == set()


def test_secrets_made_again_from_the_same_folder_are_the_same(tmp_path):
    def keys(items: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
        return {
            (each["metadata"]["name"], key): value
            for each in items
            for key, value in each["decoded"].items()
            if key.endswith((".key", "-url"))
        }

    first, second = (keys(run_secrets(tmp_path)) for _ in range(2))
    assert first == second


def test_the_database_is_where_it_is_said_to_be(tmp_path):
    items = run_secrets(tmp_path, "--postgres", "db.example.com:6432?ssl=verify-full")
    (url,) = (each["decoded"]["database-url"] for each in items if each["metadata"]["name"] == "key-rotation")
    assert url.startswith("postgresql+asyncpg://key_rotation:")
    assert url.endswith("@db.example.com:6432/latchkey?ssl=verify-full")


def test_the_roles_for_a_database_of_ones_own_leave_its_superuser_alone(tmp_path, capsys):
    assert secrets.main(["--home", str(tmp_path), "--roles"]) == 0
    said = capsys.readouterr().out
    assert "CREATE SCHEMA key_rotation AUTHORIZATION key_rotation;" in said
    assert "CURRENT_USER" not in said


def test_nats_configuration_names_paths_in_the_pod(made, tmp_path):
    configuration = made["nats"]["decoded"]["nats.conf"]
    assert 'operator: "/etc/latchkey/nats/operator.jwt"' in configuration
    assert 'store_dir: "/etc/latchkey/nats/data"' in configuration


@needs_builder
@pytest.mark.parametrize("overlay", ["trial", "production"])
def test_command_line_names_only_services_that_the_overlay_has(built, overlay):
    """Otherwise `latchkey status` reports a service that is not there."""
    objects = built[overlay]
    services = {each["metadata"]["name"] for each in objects if each["kind"] == "Service"}
    (settings,) = (
        each["data"] for each in objects if each["kind"] == "ConfigMap" and each["metadata"]["name"].startswith("cli-")
    )
    hosts = {value.removeprefix("dns:///").partition(":")[0] for value in settings.values() if ":9" in value}
    assert hosts
    assert hosts <= services
