"""What a deployment says, read from its own files: the tests hold it against the code."""

import importlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from deploy.provision.home import PROJECT_ROOT
from deploy.provision.topology import SERVICES, ServiceShape
from libs.servicekit.base.settings import PREFIX, ServiceSettings

ROOT = PROJECT_ROOT
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
KUBERNETES = ROOT / "deploy/kubernetes"
_VARIABLE = re.compile(r"\$\{(\w+):-([^{}]*)\}")


def service(name: str) -> ServiceShape:
    return next(shape for shape in SERVICES if shape.name == name)


def settings_of(shape: ServiceShape) -> type[ServiceSettings]:
    module = importlib.import_module(f"services.{shape.package}.config")
    own = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, ServiceSettings) and kind.__module__ == module.__name__
    ]
    (found,) = (kind for kind in own if not any(other is not kind and issubclass(other, kind) for other in own))
    return found


def variables(settings: type[ServiceSettings], *, required: bool = False) -> set[str]:
    fields = settings.model_fields.items()
    return {f"{PREFIX}{name.upper()}" for name, field in fields if field.is_required() or not required}


def defaulted(text: str) -> str:
    """As docker compose reads it when the operator sets nothing."""
    while (inner := _VARIABLE.sub(lambda match: match.group(2), text)) != text:
        text = inner
    return text


def objects(*files: Path) -> list[dict[str, Any]]:
    return [each for file in files for each in yaml.safe_load_all(file.read_text()) if each]


SERVING = ("base", "components/event-bridge")
"""Folders that have services."""


def base(kind: str) -> dict[str, dict[str, Any]]:
    """Objects of the services as they are written, before kustomize: those of one kind by their name."""
    files = [KUBERNETES / folder / name for folder in SERVING for name in kustomization(folder)["resources"]]
    return {each["metadata"]["name"]: each for each in objects(*files) if each["kind"] == kind}


def kustomization(folder: str) -> dict[str, Any]:
    return objects(KUBERNETES / folder / "kustomization.yaml")[0]


def config_maps() -> dict[str, dict[str, str]]:
    """The ConfigMaps of the services."""
    return {
        generated["name"]: dict(literal.split("=", 1) for literal in generated["literals"])
        for folder in SERVING
        for generated in kustomization(folder)["configMapGenerator"]
    }


def container(deployment: dict[str, Any], name: str = "service") -> dict[str, Any]:
    pod = deployment["spec"]["template"]["spec"]
    found: dict[str, Any] = only(
        each for each in [*pod.get("initContainers", ()), *pod["containers"]] if each["name"] == name
    )
    return found


def only(values: Iterable[Any]) -> Any:
    (value,) = values
    return value
