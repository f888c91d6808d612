"""Settings of the token service (environment: LATCHKEY_<NAME>)."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from libs.fetch.settings import FetchSettings
from libs.oauth.registration import RegistrationPolicy
from libs.oauth.resources import is_resource
from libs.oauth.scopes import STANDARD_SCOPES
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
from services.token.domain.tokens.dpop import NonceMode
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
    """Base URL of the HTTP endpoints of this service, as clients reach it; also an audience of client assertions."""
    authentication_target: str
    """gRPC target of the authentication service."""
    device_target: str
    """gRPC target of the device service."""
    key_rotation_target: str
    """gRPC target of the key-rotation service."""
    session_attestation_key_file: SecretKeysFile
    """Key with which the authentication service attests sessions; only these two services have it. Several lines: all
    of them are accepted (docs/keys.md)."""
    client_secret_pepper_file: SecretKeysFile
    """Key of the client secret hashes and of the refresh token chains; without it all of them become invalid. Several
    lines: the first is used for new hashes, all of them are accepted (docs/keys.md)."""
    pairwise_salt_file: SecretKeyFile
    """Salt of pairwise subject identifiers. Never change it: every pairwise subject identifier would change."""
    signing: Literal["local", "remote"] = "local"
    """`local`: this service holds the private keys in memory. `remote`: key-rotation signs every token, for deployments
    in which private keys must not leave it (`LATCHKEY_PRIVATE_KEYS=kept` there)."""
    signing_seconds: float = Field(default=1, gt=0, le=4)
    """Timeout of a signing request to key-rotation, in seconds."""
    access_token_alg: Literal["ES256", "RS256"] = "ES256"
    """Signature algorithm of access tokens."""
    access_token_seconds: int = Field(default=600, ge=30, le=86_400)
    """Lifetime of an access token."""
    front_channel_token_seconds: int = Field(default=300, ge=30, le=86_400)
    """Lifetime of an access token from the authorization endpoint (implicit and hybrid flow)."""
    id_token_seconds: int = Field(default=600, ge=30, le=86_400)
    """Lifetime of an ID token."""
    refresh_idle_seconds: int = Field(default=14 * 86_400, ge=60)
    """Idle time after which a refresh token expires."""
    refresh_absolute_seconds: int = Field(default=90 * 86_400, ge=60)
    """Maximum lifetime of a refresh token, however often it is used."""
    refresh_grace_seconds: int = Field(default=30, ge=0, le=300)
    """How long the previous refresh token is still accepted; the response contains the same successor."""
    id_token_hint_seconds: int = Field(default=14 * 86_400, ge=0, le=400 * 86_400)
    """How long an ID token is accepted as `id_token_hint`. Set it to the lifetime of sessions; otherwise users must
    confirm a logout. The key that signed it stays published for that long."""
    dpop_nonce: NonceMode = "stale"
    """Nonces in DPoP proofs (RFC 9449 8). `stale`: only a proof whose `iat` is more than a minute off needs one, so
    that clients with wrong clocks work. `required`: every proof needs one. `off`: none is requested."""
    token_hook: Literal["off", "open", "closed"] = "off"
    """Call the token hook for every access token: it may add claims or deny the token. Without a response in time,
    `open` issues the token without added claims, `closed` issues no token."""
    token_hook_milliseconds: int = Field(default=250, ge=10, le=5_000)
    """Timeout of the token hook, in milliseconds."""
    token_telemetry: bool = True
    """Publish token.issued events of the client credentials grant, which writes no database row."""
    registration_resources: Annotated[tuple[str, ...], NoDecode] = ()
    """Resources (RFC 8707), separated by commas, that dynamically registered clients may request."""
    registration_front_channel: bool = True
    """Whether dynamically registered clients may register response types with token or id_token. Disable it unless
    clients need them: such tokens are sent through the browser (RFC 9700 2.1.2)."""
    registration_seconds: int = Field(default=90 * 86_400, ge=2 * 86_400)
    """A dynamically registered client is removed after so long without a sign-in or a valid grant."""
    registrations_alive: int = Field(default=10_000, ge=1)
    """Maximum number of dynamically registered clients."""
    registrations_per_hour: int = Field(default=1_000, ge=1)
    """Maximum number of dynamic registrations within an hour."""
    registrations_per_address: int = Field(default=20, ge=1)
    """Maximum number of registrations within an hour from one /24 or /48 network without an initial access token."""

    @field_validator("registration_resources", mode="before")
    @classmethod
    def _resources_are_absolute_uris(cls, value: Any) -> Any:
        uris = tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        if not all(map(is_resource, uris)):
            raise ValueError("must be absolute URIs without a fragment, separated by commas")
        return uris

    @model_validator(mode="after")
    def _a_refresh_token_idles_no_longer_than_it_lives(self) -> Self:
        if self.refresh_idle_seconds > self.refresh_absolute_seconds:
            raise ValueError("LATCHKEY_REFRESH_IDLE_SECONDS must not exceed LATCHKEY_REFRESH_ABSOLUTE_SECONDS")
        return self

    @property
    def verifiable_for(self) -> timedelta:
        """The maximum lifetime of any signed token of this service."""
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
        more = (*self.attributes_file.scopes, *self.more_registration_scopes)
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
