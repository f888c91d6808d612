"""`deploy/kubernetes/check`: kustomize builds every overlay, and each object is one that Kubernetes understands.

Strictly: an unknown field is a fault, because Kubernetes would drop it in silence. For the oldest version that we say
works and for the newest there is a schema of. Objects of cert-manager have no schema here; their number is told.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate as schemas
import yaml

HERE = Path(__file__).resolve().parent
BUILDERS = (("kubectl", "kustomize"), ("kustomize", "build"))
OLDEST = "1.30"
"""The first with `preStop: sleep` switched on."""
FOREIGN = ("cert-manager.io/",)


class BuildError(Exception):
    """kustomize does not build it; the message says why."""


def builder() -> list[str] | None:
    """The command to which a folder is given; None when this machine has neither kubectl nor kustomize."""
    return next(([path, verb] for program, verb in BUILDERS if (path := shutil.which(program))), None)


def overlays(folder: Path = HERE) -> list[Path]:
    """Folders that are a deployment of their own. A component is built with the overlays that use it."""
    return sorted(
        file.parent
        for file in folder.rglob("kustomization.yaml")
        if yaml.safe_load(file.read_text(encoding="utf-8"))["kind"] == "Kustomization"
    )


def build(overlay: Path, *, command: Sequence[str]) -> list[dict[str, Any]]:
    """The objects of an overlay.

    Raises:
        BuildError: kustomize refuses, or warns: a warning of today is a fault of tomorrow.
    """
    built = subprocess.run([*command, str(overlay)], capture_output=True, text=True, check=False)  # noqa: S603
    if built.returncode != 0 or built.stderr:
        raise BuildError(built.stderr.strip())
    return list(yaml.safe_load_all(built.stdout))


def faults(objects: Iterable[dict[str, Any]], *, version: str) -> list[str]:
    """One line for each object that this version of Kubernetes would not take as it stands."""
    found = []
    for each in objects:
        name = f"{each['kind']} {each['metadata']['name']}"
        try:
            schemas.validate(each, version, strict=True)
        except schemas.ValidationError as error:
            found.append(f"{name}: {error.json_path}: {error.message} (Kubernetes {version})")
        except schemas.SchemaNotFoundError:
            found.append(f"{name}: there is no {each['kind']} in {each['apiVersion']} (Kubernetes {version})")
    return found


def ours(objects: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the objects of others, whose schemas we do not have."""
    return [each for each in objects if not each["apiVersion"].startswith(FOREIGN)]


def main() -> int:
    """Returns the exit code."""
    command = builder()
    if command is None:
        say("skipped: neither kubectl nor kustomize, which build the manifests, is on this machine")
        return 0
    found = [fault for overlay in overlays() for fault in check(overlay, command=command)]
    for fault in found:
        print(f"make k8s-check: {fault}", file=sys.stderr)  # noqa: T201
    if not found:
        say("in order")
    return 1 if found else 0


def check(overlay: Path, *, command: Sequence[str]) -> list[str]:
    """The faults of one overlay, each with its name; says what was looked at."""
    versions = (OLDEST, schemas.latest_version())
    try:
        objects = build(overlay, command=command)
    except BuildError as error:
        return [f"{overlay.name}: {error}"]
    known = ours(objects)
    foreign = f", and {len(objects) - len(known)} of cert-manager, which has no schema here" * (objects != known)
    say(f"{overlay.name}: {len(known)} objects, Kubernetes {' and '.join(versions)}{foreign}")
    return [f"{overlay.name}: {fault}" for version in versions for fault in faults(known, version=version)]


def say(text: str) -> None:
    print(f"make k8s-check: {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
