"""The demo users and the clients of the playground, for the development run."""

from collections.abc import Mapping
from typing import Any

from deploy.local.layout import Layout

USERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "alice": (
        "alice-password",
        {
            # All standard claims (OpenID Connect Core 5.1); `sub` and `updated_at` are the server's.
            "name": "Alice Marie Liddell",
            "given_name": "Alice",
            "family_name": "Liddell",
            "middle_name": "Marie",
            "nickname": "Ali",
            "preferred_username": "alice",
            "profile": "https://social.example.com/alice",
            "picture": "https://social.example.com/alice/picture.png",
            "website": "https://alice.example.com",
            "gender": "female",
            "birthdate": "1992-05-04",
            "zoneinfo": "Europe/London",
            "locale": "en-GB",
            "email": "alice@example.com",
            "email_verified": True,
            "phone_number": "+44 20 7946 0018",
            "phone_number_verified": True,
            "address": {
                "formatted": "27 Broad Street\nOxford OX1 3BS\nUnited Kingdom",
                "street_address": "27 Broad Street",
                "locality": "Oxford",
                "region": "Oxfordshire",
                "postal_code": "OX1 3BS",
                "country": "United Kingdom",
            },
        },
    ),
    "bob": (
        "bob-password",
        {
            "name": "Bob Builder",
            "given_name": "Bob",
            "family_name": "Builder",
            "preferred_username": "bob",
            "email": "bob@example.com",
            "email_verified": False,
            "locale": "en-US",
        },
    ),
}
"""Username -> password and claims."""


def clients(layout: Layout) -> dict[str, dict[str, Any]]:
    """Metadata of the playground's clients (RFC 7591 section 2), by their names in playground.json."""
    return {
        "web": _web_application("Playground", layout, "/callback"),
        "second": _web_application("Playground, second application", layout, "/callback/second"),
        "implicit": _browser_application(
            "Playground, single-page application", layout, "/callback/implicit", response_type="id_token token"
        ),
        "form_post": _browser_application(
            "Playground, sign-in only", layout, "/callback/form-post", response_type="id_token"
        ),
        "hybrid": {
            **_web_application("Playground, hybrid", layout, "/callback/hybrid"),
            "grant_types": ["authorization_code", "implicit", "refresh_token"],
            "response_types": ["code id_token"],
        },
        "password": {
            "client_name": "Playground, old application",
            "grant_types": ["password", "refresh_token"],
            "response_types": [],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": "openid profile email",
            "consent": "skip",  # the password grant has no consent page
        },
        "machine": {
            "client_name": "Playground, machine",
            "grant_types": ["client_credentials"],
            "response_types": [],
            "token_endpoint_auth_method": "client_secret_basic",
        },
        "device": {
            "client_name": "Playground, television",
            "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
            "response_types": [],
            "token_endpoint_auth_method": "none",
            "scope": "openid profile email address phone offline_access",
        },
    }


def post_logout_redirect_uri(layout: Layout) -> str:
    return f"{layout.playground}/"


def _web_application(name: str, layout: Layout, path: str) -> dict[str, Any]:
    return {
        "client_name": name,
        "redirect_uris": [f"{layout.playground}{path}"],
        "post_logout_redirect_uris": [post_logout_redirect_uri(layout)],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid profile email address phone offline_access",
    }


def _browser_application(name: str, layout: Layout, path: str, *, response_type: str) -> dict[str, Any]:
    """A public client without token requests: it gets its tokens through the browser."""
    return {
        "client_name": name,
        "redirect_uris": [f"{layout.playground}{path}"],
        "post_logout_redirect_uris": [post_logout_redirect_uri(layout)],
        "grant_types": ["implicit"],
        "response_types": [response_type],
        "token_endpoint_auth_method": "none",
        "scope": "openid profile email",
    }
