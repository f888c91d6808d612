"""Where the reader finds the rule that a step follows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A section of a specification."""

    label: str
    url: str


def rfc(number: int, section: str) -> Reference:
    """A section of an RFC, by its number as printed there."""
    return Reference(f"RFC {number}, {section}", f"https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")


def _openid(specification: str, file: str, section: str, anchor: str) -> Reference:
    return Reference(f"OpenID Connect {specification}, {section}", f"https://openid.net/specs/{file}.html#{anchor}")


DISCOVERY = _openid("Discovery", "openid-connect-discovery-1_0", "4", "ProviderConfig")
AUTHENTICATION_REQUEST = _openid("Core", "openid-connect-core-1_0", "3.1.2.1", "AuthRequest")
ID_TOKEN_VALIDATION = _openid("Core", "openid-connect-core-1_0", "3.1.3.7", "IDTokenValidation")
IMPLICIT_ID_TOKEN_VALIDATION = _openid("Core", "openid-connect-core-1_0", "3.2.2.11", "ImplicitIDTValidation")
HYBRID_ID_TOKEN_VALIDATION = _openid("Core", "openid-connect-core-1_0", "3.3.2.12", "HybridIDTValidation")
REFRESHED_ID_TOKEN = _openid("Core", "openid-connect-core-1_0", "12.2", "RefreshTokenResponse")
IMPLICIT_RESPONSE = _openid("Core", "openid-connect-core-1_0", "3.2.2.5", "ImplicitAuthResponse")
HYBRID_RESPONSE = _openid("Core", "openid-connect-core-1_0", "3.3.2.5", "HybridAuthResponse")
USERINFO = _openid("Core", "openid-connect-core-1_0", "5.3", "UserInfo")
LOGOUT = _openid("RP-Initiated Logout", "openid-connect-rpinitiated-1_0", "2", "RPLogout")
AFTER_LOGOUT = _openid("RP-Initiated Logout", "openid-connect-rpinitiated-1_0", "3", "RedirectionAfterLogout")
FORM_POST = Reference(
    "OAuth 2.0 Form Post Response Mode",
    "https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html#FormPostResponseMode",
)
