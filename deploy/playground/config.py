"""Configuration of the playground: addresses of the run and registered clients."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

ModelT = TypeVar("ModelT", bound=BaseModel)

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class PlaygroundSettings(BaseSettings):
    """The environment variables that the playground reads."""

    model_config = SettingsConfigDict(env_prefix="LATCHKEY_", frozen=True, extra="ignore")

    home: Path = PROJECT_ROOT / ".latchkey"
    playground_port: int | None = None
    """None: the port of the address in run.json."""


class _FromFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Application(_FromFile):
    """A client of the authorization server, as registered for the playground."""

    client_id: str
    client_secret: str
    """Empty for a public client."""
    redirect_uri: str = ""
    """Empty for a client without users."""
    name: str = ""
    """Display name on the page."""

    @property
    def callback_path(self) -> str:
        """The path of the redirect URI."""
        return urlsplit(self.redirect_uri).path or "/"


class _Run(_FromFile):
    """The members of run.json that the playground reads."""

    issuer: str
    playground: str
    nats_url: str
    subscriber_creds: Path
    client_edge: str = ""
    mail_port: int | None = None


class _Clients(_FromFile):
    """playground.json, written by the run once the clients are registered."""

    web: Application
    second: Application
    machine: Application
    device: Application
    implicit: Application
    form_post: Application
    hybrid: Application
    password: Application
    post_logout_redirect_uri: str | None = None


@dataclass(frozen=True)
class Playground:
    """Configuration of the playground."""

    issuer: str
    address: str
    """Origin of the playground, without a trailing slash."""
    nats_url: str
    subscriber_creds: Path | None
    web: Application
    second: Application
    machine: Application
    device: Application
    implicit: Application
    form_post: Application
    hybrid: Application
    password: Application
    post_logout_redirect_uri: str
    client_edge: str = ""
    """Shown in example code; the playground itself uses discovery."""
    mail_port: int | None = None
    """Port of the playground's mail server; None: no mail server."""

    @property
    def port(self) -> int:
        """The port of its own address."""
        return urlsplit(self.address).port or 80

    @property
    def post_logout_path(self) -> str:
        """The path of the post-logout redirect URI."""
        return urlsplit(self.post_logout_redirect_uri).path or "/"


class ConfigurationError(Exception):
    """The playground cannot start; the message names every fault."""


def read_playground(home: Path) -> Playground:
    """Read run.json and playground.json of one development run.

    Raises:
        ConfigurationError: with all faults of both files, one a line.
    """
    faults: list[str] = []
    run = _read(home / "run.json", _Run, faults)
    clients = _read(home / "playground.json", _Clients, faults)
    if run is None or clients is None:
        raise ConfigurationError("\n".join(faults))
    address = run.playground.rstrip("/")
    return Playground(
        issuer=run.issuer,
        client_edge=run.client_edge,
        mail_port=run.mail_port,
        address=address,
        nats_url=run.nats_url,
        subscriber_creds=run.subscriber_creds,
        web=clients.web.model_copy(update={"name": "web app"}),
        second=clients.second.model_copy(update={"name": "second app"}),
        machine=clients.machine.model_copy(update={"name": "machine"}),
        device=clients.device.model_copy(update={"name": "television"}),
        implicit=clients.implicit.model_copy(update={"name": "single-page app"}),
        form_post=clients.form_post.model_copy(update={"name": "sign-in-only app"}),
        hybrid=clients.hybrid.model_copy(update={"name": "hybrid app"}),
        password=clients.password.model_copy(update={"name": "old app"}),
        post_logout_redirect_uri=clients.post_logout_redirect_uri or f"{address}/",
    )


def _read(path: Path, model: type[ModelT], faults: list[str]) -> ModelT | None:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return model.model_validate(content)
    except FileNotFoundError:
        faults.append(f"{path} is missing: start everything with `make run`")
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            faults += [f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        else:
            faults.append(f"{path} cannot be read: {error}")
    return None
