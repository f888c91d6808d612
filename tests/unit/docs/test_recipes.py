"""The recipes of docs/architecture.md name files and names that exist, and every place that a change has to touch."""

import ast
import re
from pathlib import Path

import pytest

from deploy.local.demo import clients
from deploy.local.environment import of_service
from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.playground import event_words
from deploy.playground.flows import FLOWS
from deploy.provision.home import Home
from deploy.provision.topology import SERVICES, ServiceShape
from docs.generate.configuration import SETTINGS
from latchkey.events.v1 import events_pb2
from libs.cli import flow_questions
from libs.cli.commands import client as client_command
from libs.cli.flow_advice import Advice
from libs.oauth.client_metadata import IMPLICIT, SUPPORTED_GRANT_TYPES
from libs.oauth.registration import GRANT_TYPES
from libs.servicekit.nats.bus import STREAMS
from services.authorize_frontend.http.authorization import responses
from services.token.domain.authorization.interaction import Step
from services.token.rpc import authorization

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
RECIPES = dict(
    re.findall(
        r"^### (.+?)\n(.*?)(?=^##)",
        PAGE.partition("## Where a new thing goes")[2] + "\n## ",
        re.MULTILINE | re.DOTALL,
    )
)
EVENTS = {
    message.name: message.GetOptions().Extensions[events_pb2.event]
    for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
    if message.GetOptions().HasExtension(events_pb2.event)
}
PLACES = {
    "A grant": (
        "libs/oauth/client_metadata.py",
        "libs/oauth/registration.py",
        "services/token/usecases/tokens/grants",
        "services/token/wiring.py",
        "libs/cli/commands/client.py",
        "libs/cli/flow_questions.py",
        "deploy/local/demo.py",
        "deploy/playground/flows/__init__.py",
    ),
    "A step of a page flow": (
        "services/token/domain/authorization/interaction.py",
        "services/token/rpc/authorization.py",
        "services/authorize_frontend/http/authorization/responses.py",
    ),
    "An event": (
        "protos/latchkey/events/v1/events.proto",
        "libs/servicekit/nats/bus.py",
        "services/token/events.py",
        "tests/contract/golden",
        "deploy/playground/event_words.py",
    ),
    "A setting": ("services/token/config.py", "deploy/local/environment.py", "docker-compose.yml"),
    "A service": ("pyproject.toml", "deploy/provision/topology.py", "docker-compose.yml"),
}
"""Recipe -> the files that the tests of this module check."""
NOT_IN_FILES = {"callers", "data-page", "routes", "verb_noun.py", "x_of", "to_x", "trace_id", "client_id"}
each_recipe = pytest.mark.parametrize("name", RECIPES)
each_service = pytest.mark.parametrize("shape", SERVICES, ids=lambda shape: shape.name)


def _paths(recipe: str) -> list[Path]:
    return [ROOT / name for name in re.findall(r"`([\w.-]+(?:/[\w.-]+)+|Dockerfile|[\w-]+\.(?:toml|yml))`", recipe)]


def test_architecture_has_a_recipe_for_each_kind_of_change():
    assert RECIPES.keys() >= {
        *("A grant", "A claim from an external source", "A step of a page flow", "A page", "An event", "A column"),
        *("A setting", "An RPC", "An error reason", "A log line", "A service", "Words and languages"),
    }


@each_recipe
def test_every_path_of_a_recipe_exists(name):
    paths = _paths(RECIPES[name])
    assert len(paths) > 1
    assert not [str(path.relative_to(ROOT)) for path in paths if not path.exists()]


@each_recipe
def test_every_recipe_names_the_test_that_fails(name):
    assert any("tests" in path.relative_to(ROOT).parts for path in _paths(RECIPES[name])) or "mypy" in RECIPES[name]


@each_recipe
def test_every_class_and_function_of_a_recipe_is_in_one_of_its_files(name):
    recipe = RECIPES[name]
    names = set(re.findall(r"`([A-Z][a-z]\w+|_?[A-Z]{4}[A-Z_]+|test_\w+|next_step)`", recipe))
    sources = "\n".join(
        file.read_text(encoding="utf-8")
        for path in _paths(recipe)
        for file in ([path] if path.is_file() else sorted(path.rglob("*.p*")))
        if file.suffix in {".py", ".proto", ".toml"}
    )
    files = {path.name for path in _paths(recipe)}
    missing = [each for each in names - files - NOT_IN_FILES if not re.search(rf"\b{each}\b", sources)]
    # Settings and macros of other files are written with their prefix.
    assert not [each for each in missing if not each.startswith("LATCHKEY_")]


@pytest.mark.parametrize(("name", "places"), PLACES.items())
def test_a_recipe_names_every_place_that_the_tests_below_check(name, places):
    assert set(places) <= {path.relative_to(ROOT).as_posix() for path in _paths(RECIPES[name])}


@pytest.mark.parametrize("grant_type", SUPPORTED_GRANT_TYPES)
def test_every_grant_type_is_in_all_its_places(grant_type):
    advices = [each for each in vars(flow_questions).values() if isinstance(each, Advice)]
    flows = {advice.flow for advice in advices if grant_type in advice.grant_types}
    assert flows, "libs/cli/flow_questions.py"
    assert flows & {flow.name for flow in FLOWS}, "deploy/playground/flows/__init__.py"
    assert grant_type in client_command._GRANTS, "libs/cli/commands/client.py"
    demo = clients(_layout(Path("unused"))).values()
    assert any(grant_type in client["grant_types"] for client in demo), "deploy/local/demo.py"
    if grant_type != IMPLICIT:  # its tokens come from the authorization endpoint
        assert _constant(grant_type) in _wired_grants(), "services/token/wiring.py"


def test_no_other_grant_type_is_wired_or_open_to_registration():
    assert _wired_grants() == {_constant(each) for each in SUPPORTED_GRANT_TYPES if each != IMPLICIT}
    assert set(GRANT_TYPES) <= set(SUPPORTED_GRANT_TYPES)


def test_every_step_has_an_interaction_kind_and_a_page():
    kinds = {step: kind for step, kind in authorization._KINDS.items() if step is not None}
    assert kinds.keys() == set(Step) - {Step.GRANT}
    assert set(kinds.values()) <= responses._PAGES.keys()


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_in_all_its_places(event):
    name, producer = EVENTS[event].name, EVENTS[event].producer
    shape = next(each for each in SERVICES if each.name == producer)
    constructors = (ROOT / "services" / shape.package / "events.py").read_text(encoding="utf-8")
    assert re.search(rf"\be\.{event}\(|\bevents_pb2\.{event}\(", constructors), "services/<producer>/events.py"
    assert (ROOT / "tests" / "contract" / "golden" / f"{name}.json").exists(), "tests/contract/golden"
    assert name in event_words.KNOWN, "deploy/playground/event_words.py"
    subjects = [subject for taken, _ in STREAMS.values() for subject in taken]
    entity = name.partition(".")[0]
    assert any(each in {f"latchkey.v1.{entity}.>", f"latchkey.v1.{name}.*"} for each in subjects), "bus.py"
    readme = (ROOT / "services" / shape.package / "README.md").read_text(encoding="utf-8")
    assert f"`{name}`" in readme, "the README of the service"


@each_service
def test_every_required_setting_is_set_by_the_local_run(shape: ServiceShape, tmp_path: Path):
    required = {
        f"LATCHKEY_{name.upper()}" for name, field in SETTINGS[shape.name].model_fields.items() if field.is_required()
    }
    assert required <= of_service(shape, _layout(tmp_path), inherited={}).keys()


@each_service
def test_every_service_is_in_all_its_places(shape: ServiceShape):
    package = ROOT / "services" / shape.package
    for name in ("config.py", "app.py", "__main__.py", "README.md"):
        assert (package / name).exists(), name
    assert f'"services.{shape.package}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert shape.name in SETTINGS
    assert f"\n  {shape.name}:\n" in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    manifests = [*(ROOT / "deploy" / "kubernetes").rglob(f"*{shape.name}*")]
    assert manifests, "deploy/kubernetes"


def _layout(folder: Path) -> Layout:
    return Layout(Home(folder), Ports.of({}))


def _constant(grant_type: str) -> str:
    return grant_type.rpartition(":")[2].upper()


def _wired_grants() -> set[str]:
    """The keys of the mapping that `IssueTokens` gets in services/token/wiring.py."""
    tree = ast.parse((ROOT / "services" / "token" / "wiring.py").read_text(encoding="utf-8"))
    (call,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "IssueTokens"
    ]
    (grants,) = [each.value for each in call.keywords if each.arg == "grants" and isinstance(each.value, ast.Dict)]
    return {key.id for key in grants.keys if isinstance(key, ast.Name)}
