"""An authorization request, read once and judged by one visible table (RFC 6749 4.1.1, OpenID Connect Core 3.1.2.1)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from libs.oauth import pkce
from libs.oauth.claims_request import ClaimsRequest, parse_claims_request
from libs.oauth.dpop import is_thumbprint
from libs.oauth.errors import (
    InvalidRequest,
    InvalidScope,
    RegistrationNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.oauth.response_types import (
    CODE,
    ID_TOKEN,
    SUPPORTED_RESPONSE_TYPES,
    ResponseMode,
    default_mode,
    format_response_type,
    mode_permitted,
    parse_response_type,
)
from libs.oauth.scopes import OPENID, parse_scope
from services.token.domain.clients.client import Client
from services.token.domain.tokens.audiences import requested_resources

MAX_STATE_LENGTH = 4_096
MAX_NONCE_LENGTH = 1_024
"""Of its JSON form: it goes into the ID token, and that has a largest size."""
MAX_ACR_VALUES = 32
PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """What is asked for. Fields below `redirect_uri` are filled in by the checks."""

    parameters: Parameters
    redirect_uri: str
    """The client's own, whether the request named it or not."""
    response_type: frozenset[str] = frozenset()
    response_mode: ResponseMode = ResponseMode.QUERY
    scopes: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    acr_values: tuple[str, ...] = ()
    code_challenge: str | None = field(default=None, repr=False)
    claims: ClaimsRequest = field(default_factory=ClaimsRequest)

    @property
    def state(self) -> str | None:
        return self.parameters.get("state")

    @property
    def nonce(self) -> str | None:
        return self.parameters.get("nonce")

    @property
    def dpop_jkt(self) -> str | None:
        """Thumbprint of the DPoP key that the code will be bound to (RFC 9449 10)."""
        return self.parameters.get("dpop_jkt")

    @property
    def wants_code(self) -> bool:
        return self.response_type >= CODE

    @property
    def disclosed_scopes(self) -> tuple[str, ...]:
        """Return the requested scopes and the scopes of individually requested claims: the consent page shows them."""
        return tuple(dict.fromkeys((*self.scopes, *self.claims.scopes)))


def find_redirect_uri(parameters: Parameters, client: Client) -> str:
    """The URI that every answer, error answers included, goes to.

    Raises:
        InvalidRequest: not redirectable: the URI is missing or not registered (RFC 6749 3.1.2.4, 4.1.2.1).
    """
    uri = parameters.get("redirect_uri")
    registered = client.metadata.redirect_uris
    if uri is None:
        is_openid = OPENID in parameters.get("scope", "").split(" ")
        if len(registered) == 1 and not is_openid:
            return registered[0]
        raise InvalidRequest("redirect_uri is missing.", reason=Reason.REDIRECT_URI_MISSING, redirectable=False)
    if not client.has_redirect_uri(uri):
        raise InvalidRequest(
            "redirect_uri does not match a registered redirect URI.",
            reason=Reason.REDIRECT_URI_UNREGISTERED,
            redirectable=False,
        )
    return uri


def requested_scopes(parameters: Parameters, client: Client) -> tuple[str, ...]:
    """What the request asks for. Raises InvalidScope when that is malformed or more than the client has registered."""
    return client.permitted_scope(parse_scope(parameters.get("scope", "")))


def disclosed_scopes(parameters: Parameters, client: Client) -> tuple[str, ...]:
    """Return the requested scopes and the scopes of individually requested claims: the consent page shows them.

    Raises:
        InvalidScope, InvalidRequest: what `judge` would say of it.
    """
    asked = _requested_claims(parameters, client)
    return tuple(dict.fromkeys((*requested_scopes(parameters, client), *asked.scopes)))


def find_response_mode(parameters: Parameters, redirect_uri: str) -> ResponseMode:
    """How any answer travels, settled before the first check that can fail; a mode that cannot be is judged later."""
    response_type = parse_response_type(parameters.get("response_type", "code"))
    mode = _known_mode(parameters.get("response_mode"))
    if mode is None or not mode_permitted(response_type, mode) or not _reaches(redirect_uri, mode):
        return default_mode(response_type if response_type in SUPPORTED_RESPONSE_TYPES else frozenset({"code"}))
    return mode


def _known_mode(text: str | None) -> ResponseMode | None:
    return ResponseMode(text) if text in set(ResponseMode) else None


def _reaches(redirect_uri: str, mode: ResponseMode) -> bool:
    """Browsers post forms to web servers only, not to private schemes of apps."""
    return mode is not ResponseMode.FORM_POST or urlsplit(redirect_uri).scheme in {"https", "http"}


def _no_registration(request: AuthorizationRequest, _client: Client) -> AuthorizationRequest:
    """OpenID Connect Core 7.2.1, 3.1.2.6: what is not supported is said, never ignored."""
    if "registration" in request.parameters:
        raise RegistrationNotSupported
    return request


def _response_type(request: AuthorizationRequest, client: Client) -> AuthorizationRequest:
    text = request.parameters.get("response_type")
    if text is None:
        raise InvalidRequest("response_type is missing.", reason=Reason.RESPONSE_TYPE_MISSING)
    response_type = parse_response_type(text)
    if response_type not in SUPPORTED_RESPONSE_TYPES:
        supported = ", ".join(format_response_type(kind) for kind in SUPPORTED_RESPONSE_TYPES)
        raise UnsupportedResponseType(
            f"response_type is not supported. Supported: {supported}.", reason=Reason.RESPONSE_TYPE_UNSUPPORTED
        )
    if format_response_type(response_type) not in client.metadata.response_types:
        raise UnauthorizedClient(
            "response_type is not registered for this client.", reason=Reason.RESPONSE_TYPE_FORBIDDEN
        )
    return replace(request, response_type=response_type)


def _response_mode(request: AuthorizationRequest, _client: Client) -> AuthorizationRequest:
    text = request.parameters.get("response_mode")
    if text is None:
        return replace(request, response_mode=default_mode(request.response_type))
    mode = _known_mode(text)
    if mode is None or not mode_permitted(request.response_type, mode):
        raise InvalidRequest(
            "response_mode is unknown or cannot be used with this response_type.", reason=Reason.RESPONSE_MODE
        )
    if not _reaches(request.redirect_uri, mode):
        raise InvalidRequest(
            "response_mode form_post requires a redirect_uri with scheme https or http: use query or fragment.",
            reason=Reason.FORM_POST_TO_NO_WEB_PAGE,
        )
    return replace(request, response_mode=mode)


def _scope(request: AuthorizationRequest, client: Client) -> AuthorizationRequest:
    scopes = requested_scopes(request.parameters, client)
    if request.response_type >= ID_TOKEN and OPENID not in scopes:
        raise InvalidScope(
            "scope must contain openid when an ID token is requested.", reason=Reason.SCOPE_OPENID_MISSING
        )
    return replace(request, scopes=scopes)


def _resources(request: AuthorizationRequest, client: Client) -> AuthorizationRequest:
    return replace(request, resources=requested_resources(request.parameters, client))


def _state_and_nonce(request: AuthorizationRequest, _client: Client) -> AuthorizationRequest:
    if request.response_type >= ID_TOKEN and request.nonce is None:
        raise InvalidRequest("nonce is required for this response_type.", reason=Reason.NONCE_MISSING)
    if len(request.state or "") > MAX_STATE_LENGTH:
        raise InvalidRequest(f"state must not exceed {MAX_STATE_LENGTH} characters.", reason=Reason.STATE_LENGTH)
    if len(json.dumps(request.nonce or "")) - 2 > MAX_NONCE_LENGTH:
        raise InvalidRequest(
            f"nonce must not exceed {MAX_NONCE_LENGTH} characters in its JSON form.", reason=Reason.NONCE_LENGTH
        )
    return request


def _code_challenge(request: AuthorizationRequest, client: Client) -> AuthorizationRequest:
    challenge = request.parameters.get("code_challenge")
    if challenge is None:
        if "code_challenge_method" in request.parameters:
            raise InvalidRequest(
                "code_challenge is required when code_challenge_method is sent.", reason=Reason.PKCE_CHALLENGE_MISSING
            )
        if client.metadata.require_pkce and request.wants_code:
            raise InvalidRequest(
                "code_challenge is required: this client must use PKCE (RFC 7636).", reason=Reason.PKCE_REQUIRED
            )
        if client.metadata.require_pkce is None and request.wants_code and not _has_openid_nonce(request):
            raise InvalidRequest(
                "code_challenge is required: send code_challenge with code_challenge_method=S256 (PKCE, RFC 7636), or "
                "nonce with scope openid. The operator can change the client setting require_pkce.",
                reason=Reason.PKCE_REQUIRED,
            )
        return request
    return replace(
        request, code_challenge=pkce.check_challenge(challenge, request.parameters.get("code_challenge_method"))
    )


def _has_openid_nonce(request: AuthorizationRequest) -> bool:
    """RFC 9700 2.1.1: a confidential OpenID Connect client may rely on the nonce instead of PKCE."""
    return OPENID in request.scopes and bool(request.nonce)


def _dpop_jkt(request: AuthorizationRequest, _client: Client) -> AuthorizationRequest:
    if request.dpop_jkt is not None and not is_thumbprint(request.dpop_jkt):
        raise InvalidRequest(
            "dpop_jkt must be the SHA-256 thumbprint of a JWK in 43 base64url characters (RFC 9449 10).",
            reason=Reason.DPOP_JKT_MALFORMED,
        )
    return request


def _prompt(request: AuthorizationRequest, _client: Client) -> AuthorizationRequest:
    text = request.parameters.get("prompt")
    prompts = frozenset(text.split(" ")) if text else frozenset()
    if not prompts <= PROMPTS:
        raise InvalidRequest(
            "prompt must contain only none, login, consent and select_account.", reason=Reason.PROMPT_UNKNOWN
        )
    if "none" in prompts and len(prompts) > 1:
        raise InvalidRequest("prompt=none cannot be combined with other values.", reason=Reason.PROMPT_NONE_NOT_ALONE)
    return replace(request, prompts=prompts)


def _max_age(request: AuthorizationRequest, client: Client) -> AuthorizationRequest:
    text = request.parameters.get("max_age")
    if text is None:
        return replace(request, max_age=client.metadata.default_max_age)
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise InvalidRequest("max_age must be a non-negative integer of seconds.", reason=Reason.MAX_AGE_MALFORMED)
    return replace(request, max_age=int(text))


def _acr_values(request: AuthorizationRequest, client: Client) -> AuthorizationRequest:
    """Any one of the values is sufficient (OpenID Connect Core 3.1.2.1); unknown values are ignored."""
    text = request.parameters.get("acr_values")
    if text is None:
        return replace(request, acr_values=client.metadata.default_acr_values)
    values = tuple(text.split(" "))
    if len(values) > MAX_ACR_VALUES:
        raise InvalidRequest(
            f"acr_values must not contain more than {MAX_ACR_VALUES} values.", reason=Reason.ACR_VALUES_COUNT
        )
    return replace(request, acr_values=values)


def _claims(request: AuthorizationRequest, client: Client) -> AuthorizationRequest:
    return replace(request, claims=_requested_claims(request.parameters, client))


def _requested_claims(parameters: Parameters, client: Client) -> ClaimsRequest:
    """Claims of scopes that the client has not registered are left out (OpenID Connect Core 5.5.1: no error)."""
    if "claims" not in parameters:
        return ClaimsRequest()
    return parse_claims_request(parameters["claims"]).limited_to(client.metadata.scopes)


Check = Callable[[AuthorizationRequest, Client], AuthorizationRequest]

CHECKS: tuple[Check, ...] = (
    _no_registration,
    _response_type,
    _response_mode,
    _scope,
    _resources,
    _state_and_nonce,
    _code_challenge,
    _dpop_jkt,
    _prompt,
    _max_age,
    _acr_values,
    _claims,
)
"""The checks of an authorization request, in order; run again whenever the request is resumed."""


def judge(request: AuthorizationRequest, client: Client) -> AuthorizationRequest:
    """The request with everything read and permitted.

    Raises:
        OAuthError: redirectable; the first check that it fails.
    """
    for check in CHECKS:
        request = check(request, client)
    return request
