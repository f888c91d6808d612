"""What the token service is told (environment: LATCHKEY_<NAME>)."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator
from pydantic_settings import NoDecode

from libs.fetch.settings import FetchSettings
from libs.oauth.errors import InvalidScope
from libs.oauth.registration import RegistrationPolicy
from libs.oauth.resources import is_resource
from libs.oauth.scopes import STANDARD_SCOPES, parse_scope
from libs.servicekit.base.settings import (
    AttributeSettings,
    BusSettings,
    DatabaseSettings,
    GrpcSettings,
    HttpEdgeSettings,
    PublicUrl,
    RegistrationSettings,
    SecretKeyFile,
    SecretKeysFile,
)
from services.token.domain.clients.registrations import RegistrationQuota
from services.token.domain.tokens.token_claims import LOGOUT_TOKEN_LIFETIME, Lifetimes


class TokenSettings(
    FetchSettings,
    GrpcSettings,
    HttpEdgeSettings,
    RegistrationSettings,
    AttributeSettings,
    DatabaseSettings,
    BusSettings,
):
    client_edge_url: PublicUrl
    """Base of the endpoints that this service serves itself: clients name it in what they sign."""
    authentication_target: str
    """gRPC target of the authentication service."""
    device_target: str
    """gRPC target of the device service."""
    key_rotation_target: str
    """gRPC target of the key-rotation service."""
    session_attestation_key_file: SecretKeysFile
    """Key under which the authentication service vouches for sessions; these two services alone have it. Several lines:
    all of them are believed (docs/keys.md)."""
    client_secret_pepper_file: SecretKeysFile
    """Key of the hashes of client secrets and of the refresh token chains. Losing it ends both. Several lines:
    the first makes, and all of them are accepted (docs/keys.md)."""
    pairwise_salt_file: SecretKeyFile
    """Salt of pairwise subjects. It never changes: with another one every such subject would be another person."""
    signing: Literal["local", "remote"] = "local"
    """`local`: the private keys are in this service's memory. `remote`: key-rotation signs every token, for those whose
    keys may not leave it (`LATCHKEY_PRIVATE_KEYS=kept` there)."""
    signing_seconds: float = Field(default=1, gt=0, le=4)
    """How long a signature of key-rotation is waited for."""
    access_token_alg: Literal["ES256", "RS256"] = "ES256"
    """What access tokens are signed with."""
    access_token_seconds: int = Field(default=600, ge=30, le=86_400)
    """How long an access token lives."""
    front_channel_token_seconds: int = Field(default=300, ge=30, le=86_400)
    """Of an access token that comes through the browser (implicit and hybrid)."""
    id_token_seconds: int = Field(default=600, ge=30, le=86_400)
    """How long an ID token is good for signing somebody in."""
    refresh_idle_seconds: int = Field(default=14 * 86_400, ge=60)
    """A refresh token that is not used for so long expires."""
    refresh_absolute_seconds: int = Field(default=90 * 86_400, ge=60)
    """No refresh token lives longer, however often it is used."""
    refresh_grace_seconds: int = Field(default=30, ge=0, le=300)
    """For so long the immediate predecessor is answered with the same successor."""
    id_token_hint_seconds: int = Field(default=14 * 86_400, ge=0, le=400 * 86_400)
    """For so long an ID token is good as `id_token_hint`: as long as sessions last, or people who sign out are asked.
    Its key stays published for that long."""
    token_hook: Literal["off", "open", "closed"] = "off"
    """Ask a program of yours about every access token: it may add claims, or deny. Without an answer in time, open
    gives the token out without added claims, and closed gives none out."""
    token_hook_milliseconds: int = Field(default=250, ge=10, le=5_000)
    """How long an answer of that program is waited for."""
    token_telemetry: bool = True
    """Tell subscribers of tokens that write no row."""
    registration_scopes: Annotated[str, StringConstraints(max_length=2_000)] = ""
    """Scope values, separated by spaces, that clients which registered themselves may ask people for, beside the
    standard ones."""
    registration_resources: Annotated[tuple[str, ...], NoDecode] = ()
    """Resources that they may name (RFC 8707), separated by commas: APIs for which applications that nobody knows
    beforehand may ask people for access."""
    registration_front_channel: bool = True
    """Such clients may have response types with token or id_token if they ask for them, as discovery lists them. Forbid
    it where nobody needs them: such tokens travel through the browser (RFC 9700 2.1.2)."""
    registration_seconds: int = Field(default=90 * 86_400, ge=2 * 86_400)
    """Such a client is removed when nobody has signed in to it for so long and nothing granted to it is good."""
    registrations_alive: int = Field(default=10_000, ge=1)
    """Such clients that there may be."""
    registrations_per_hour: int = Field(default=1_000, ge=1)
    """Clients that may register themselves within an hour."""
    registrations_per_address: int = Field(default=20, ge=1)
    """Of these from one /24 or /48, as far as they have no initial access token."""

    @field_validator("registration_resources", mode="before")
    @classmethod
    def _resources_are_absolute_uris(cls, value: Any) -> Any:
        uris = tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        if not all(map(is_resource, uris)):
            raise ValueError("must be absolute URIs without a fragment, separated by commas")
        return uris

    @field_validator("registration_scopes")
    @classmethod
    def _scopes_are_well_formed(cls, text: str) -> str:
        try:
            parse_scope(" ".join(text.split()))
        except InvalidScope:
            raise ValueError("must be scope values separated by spaces") from None
        return text

    @model_validator(mode="after")
    def _a_refresh_token_idles_no_longer_than_it_lives(self) -> Self:
        if self.refresh_idle_seconds > self.refresh_absolute_seconds:
            raise ValueError("LATCHKEY_REFRESH_IDLE_SECONDS must not exceed LATCHKEY_REFRESH_ABSOLUTE_SECONDS")
        return self

    @property
    def verifiable_for(self) -> timedelta:
        """The longest life of anything that is signed here; what has no `exp` is read at once."""
        seconds = (
            self.access_token_seconds,
            self.front_channel_token_seconds,
            self.id_token_seconds,
            self.id_token_hint_seconds,
        )
        return max(timedelta(seconds=max(seconds)), LOGOUT_TOKEN_LIFETIME)

    @property
    def lifetimes(self) -> Lifetimes:
        return Lifetimes(
            access_token=timedelta(seconds=self.access_token_seconds),
            front_channel_token=timedelta(seconds=self.front_channel_token_seconds),
            id_token=timedelta(seconds=self.id_token_seconds),
            refresh_idle=timedelta(seconds=self.refresh_idle_seconds),
            refresh_absolute=timedelta(seconds=self.refresh_absolute_seconds),
            refresh_grace=timedelta(seconds=self.refresh_grace_seconds),
            registration=timedelta(seconds=self.registration_seconds),
        )

    @property
    def registration_policy(self) -> RegistrationPolicy:
        more = parse_scope(" ".join(self.registration_scopes.split()))
        return RegistrationPolicy(
            scopes=tuple(dict.fromkeys((*STANDARD_SCOPES, *more))),
            resources=self.registration_resources,
            front_channel=self.registration_front_channel,
        )

    @property
    def registration_quota(self) -> RegistrationQuota:
        return RegistrationQuota(
            per_address=self.registrations_per_address,
            overall=self.registrations_per_hour,
            alive=self.registrations_alive,
        )
