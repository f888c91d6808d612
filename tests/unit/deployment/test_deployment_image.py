"""The Dockerfile: one image per service, with what it needs and nothing else."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from deploy.provision.topology import SERVICES
from tests.unit.deployment.documents import COMPOSE, ROOT, config_maps, kustomization

APP = "/opt/latchkey/app"
OURS = {"services": "services", "libs": "libs", "deploy": "deploy", "latchkey": "libs/contract/latchkey"}
OURS["latchkey_sdk"] = "libs/sdk/latchkey_sdk"
DOCKERFILE = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
LINES = [line.strip() for line in DOCKERFILE.splitlines() if line.strip() and not line.startswith("#")]


def stages() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in LINES:
        if line.startswith("FROM "):
            lines = found.setdefault(line.split(" AS ")[1], [])
        elif found:
            lines.append(line)
            continue
        else:
            continue
        lines.append(line)
    return found


STAGES = stages()
IMAGES = [*(service.name for service in SERVICES), "cli", "setup"]


def lines_of(image: str) -> list[str]:
    """The lines of an image's stage and of those that it stands on, first things first."""
    own = STAGES[image]
    below = own[0].split()[1]
    return [*(lines_of(below) if below in STAGES else []), *own]


def code_in(image: str) -> set[str]:
    """Python modules of this project in an image, as files of the repository."""
    files = set()
    for line in lines_of(image):
        if line.startswith("COPY") and not line.startswith("COPY --from=dependencies"):
            *sources, _target = (word for word in line.split()[1:] if not word.startswith("--"))
            for source in sources:
                path = ROOT / source.removeprefix(f"{APP}/")
                files |= {str(file.relative_to(ROOT)) for file in ([path] if path.is_file() else path.rglob("*.py"))}
    return files


def imports(file: str) -> set[str]:
    """Files of the repository that a file imports, wherever in it."""
    wanted = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            wanted |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            wanted |= {node.module} | {f"{node.module}.{name.name}" for name in node.names}
    return {found for module in wanted if (found := module_file(module))}


def module_file(module: str) -> str | None:
    top, *rest = module.split(".")
    if top not in OURS:
        return None
    path = Path(OURS[top], *rest)
    candidates = [path.with_suffix(".py"), path / "__init__.py"]
    return next((str(found) for found in candidates if (ROOT / found).is_file()), None)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_service_has_an_image_that_runs_it(service):
    assert f'ENTRYPOINT ["python", "-m", "services.{service.package}"]' in STAGES[service.name]


@pytest.mark.parametrize("image", IMAGES)
def test_everything_in_an_image_finds_what_it_imports(image):
    files = code_in(image)
    missing = {f"{wanted}, imported by {file}" for file in files for wanted in imports(file) - files}
    assert files
    assert not missing


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_an_image_of_a_service_has_nothing_of_another_and_no_tools(service):
    own = f"services/{service.package}/"
    others = ("services/", "deploy/", "libs/cli/", "libs/sdk/")
    foreign = {file for file in code_in(service.name) if file.startswith(others) and not file.startswith(own)}
    assert foreign == {"services/__init__.py", "deploy/docker/probe.py"}


@pytest.mark.s(65)
@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_a_numbered_user_who_is_not_root(image):
    user = [line for line in lines_of(image) if line.startswith("USER")][-1]
    assert re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", user)


@pytest.mark.s(65)
def test_packages_come_with_hashes_as_wheels_and_from_no_named_index():
    installs = [line for line in LINES if '"install",' in line and '"pip"' in line]
    assert len(installs) == 2
    for line in installs:
        assert '"--require-hashes"' in line
        assert '"--only-binary", ":all:"' in line
    assert not re.search(r"https?://|index-url|find-links|trusted-host", DOCKERFILE)


def test_no_command_needs_a_shell():
    commands = [line for line in LINES if line.startswith(("RUN", "ENTRYPOINT", "CMD"))]
    assert commands
    assert all(re.match(r'\w+ \["', line) for line in commands)


def test_the_build_backend_is_the_one_that_development_has():
    lock = (ROOT / "requirements-dev.lock").read_text()
    pinned = re.search(r"^setuptools==.*(?:\n .*)*\n", lock, re.MULTILINE)
    assert pinned is not None
    assert (ROOT / "deploy/docker/build.lock").read_text() == pinned.group()


def test_every_file_that_is_copied_is_let_into_the_build():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    from_context = [line for line in LINES if line.startswith("COPY") and "--from" not in line]
    sources = {source for line in from_context for source in shlex.split(line)[1:-1]}
    assert {source.split("/")[0] for source in sources} == allowed


def test_one_version_is_said_everywhere():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"ARG VERSION={version}" in LINES
    built = [each["image"] for each in COMPOSE["services"].values() if "build" in each]
    assert {image.split(":", 1)[1] for image in built} == {f"${{LATCHKEY_VERSION:-{version}}}"}
    manifests = [*(ROOT / "deploy/kubernetes").rglob("*.yaml")]
    named = {tag for file in manifests for tag in re.findall(r"image: latchkey/[\w-]+:(\S+)", file.read_text())}
    assert named == {version}
    assert {image["newTag"] for image in kustomization("production")["images"]} == {version}


def test_the_ports_that_an_image_names_are_those_that_are_listened_on():
    maps = config_maps()
    for service in SERVICES:
        exposed = {port for line in lines_of(service.name) if line.startswith("EXPOSE") for port in line.split()[1:]}
        variables = maps["latchkey"] | maps[service.name]
        assert exposed == {value.rsplit(":")[-1] for name, value in variables.items() if name.endswith("_LISTEN")}
