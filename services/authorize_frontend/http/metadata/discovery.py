"""Server metadata (OpenID Connect Discovery 1.0 3, RFC 8414 2). It lists only what the server supports."""

import json

from aiohttp import web

from libs.crypto import dpop
from libs.languages.language import LANGUAGES
from libs.oauth import acr, pkce
from libs.oauth.client_authentication import NONE, SUPPORTED_METHODS
from libs.oauth.client_metadata import AUTH_SIGNING_ALGORITHMS, SIGNING_ALGORITHMS, SUPPORTED_GRANT_TYPES
from libs.oauth.response_types import SUPPORTED_RESPONSE_TYPES, ResponseMode, format_response_type
from libs.oauth.scopes import STANDARD_SCOPES
from libs.oauth.sectors import SUBJECT_TYPES
from services.authorize_frontend.http.metadata.documents import document, routes, well_known_paths
from services.authorize_frontend.site import Site

_CLAIMS = [
    *["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"],
    *["name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"],
    *["website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"],
    *["email", "email_verified", "address", "phone_number", "phone_number_verified"],
]


def metadata(site: Site) -> dict[str, str | bool | list[str]]:
    """Returns the document. This service serves the issuer URL; the token service serves the endpoints of clients."""
    return {
        "issuer": site.issuer,
        "authorization_endpoint": site.url("/authorize"),
        "token_endpoint": site.client_edge_url("/token"),
        "pushed_authorization_request_endpoint": site.client_edge_url("/par"),
        "device_authorization_endpoint": site.client_edge_url("/device_authorization"),
        "introspection_endpoint": site.client_edge_url("/introspect"),
        "revocation_endpoint": site.client_edge_url("/revoke"),
        **({"registration_endpoint": site.client_edge_url("/register")} if site.registration else {}),
        "userinfo_endpoint": site.client_edge_url("/userinfo"),
        "jwks_uri": site.url("/jwks"),
        "end_session_endpoint": site.url("/logout"),
        "check_session_iframe": site.url("/check-session"),
        "ui_locales_supported": [language.tag for language in LANGUAGES],
        "scopes_supported": list(dict.fromkeys((*STANDARD_SCOPES, *site.attributes.scopes, *site.registration_scopes))),
        "claims_supported": [*_CLAIMS, *site.attributes.by_name],
        "response_types_supported": [format_response_type(kind) for kind in SUPPORTED_RESPONSE_TYPES],
        "response_modes_supported": [mode.value for mode in ResponseMode],
        "grant_types_supported": list(SUPPORTED_GRANT_TYPES),
        "acr_values_supported": list(acr.SUPPORTED),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "subject_types_supported": list(SUBJECT_TYPES),
        "id_token_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(SUPPORTED_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(AUTH_SIGNING_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": [name for name in SUPPORTED_METHODS if name != NONE],
        "introspection_endpoint_auth_signing_alg_values_supported": list(AUTH_SIGNING_ALGORITHMS),
        "introspection_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(SUPPORTED_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(AUTH_SIGNING_ALGORITHMS),
        "code_challenge_methods_supported": [pkce.METHOD],
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "require_pushed_authorization_requests": False,
        "request_parameter_supported": True,
        "request_uri_parameter_supported": True,
        "require_request_uri_registration": True,
        # "none" is left out: only an operator can allow it for a client.
        "request_object_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
    }


class Discovery:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._body = json.dumps(metadata(site), indent=1).encode()

    def routes(self) -> list[web.RouteDef]:
        """OpenID Connect puts the well-known path after the issuer's path, RFC 8414 3 before it."""
        oauth = "oauth-authorization-server"
        paths = {
            *well_known_paths(self._site, "openid-configuration", at_root=False),
            *well_known_paths(self._site, oauth, at_root=False),
            f"/.well-known/{oauth}{self._site.base}",
        }
        return [route for path in sorted(paths) for route in routes(path, self.show)]

    async def show(self, request: web.Request) -> web.Response:
        return document(request, self._body)
