"""`deploy/kubernetes/check`: builds every overlay with kustomize and validates each object.

Unknown fields are faults, because Kubernetes drops them silently. The schemas are those of the oldest supported and the
newest known version. Objects of cert-manager have no schema here; they are only counted.
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
"""The first version that enables `preStop: sleep`."""
FOREIGN = ("cert-manager.io/",)


class BuildError(Exception):
    """kustomize failed; the message has the cause."""


def builder() -> list[str] | None:
    """The command that builds a folder; None when kubectl and kustomize are missing."""
    return next(([path, verb] for program, verb in BUILDERS if (path := shutil.which(program))), None)


def overlays(folder: Path = HERE) -> list[Path]:
    """Folders with an overlay. Components are built with the overlays that use them."""
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
    """One line for each object that is invalid in this version of Kubernetes."""
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
    """The objects with a known schema, without those of other projects."""
    return [each for each in objects if not each["apiVersion"].startswith(FOREIGN)]


def main() -> int:
    """Returns the exit code."""
    command = builder()
    if command is None:
        say("skipped: kubectl and kustomize are missing")
        return 0
    found = [fault for overlay in overlays() for fault in check(overlay, command=command)]
    for fault in found:
        print(f"make k8s-check: {fault}", file=sys.stderr)  # noqa: T201
    if not found:
        say("passed")
    return 1 if found else 0


def check(overlay: Path, *, command: Sequence[str]) -> list[str]:
    """The faults of one overlay; prints how many objects were validated."""
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
