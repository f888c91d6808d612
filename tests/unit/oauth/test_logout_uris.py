"""Logout URIs of clients (OpenID Connect Back-Channel Logout 2.2, Front-Channel Logout 2)."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from libs.oauth.client_metadata import parse_metadata
from libs.oauth.errors import InvalidClientMetadata
from libs.oauth.logout_uris import with_session

WEB = {"redirect_uris": ["https://app.example/cb", "http://localhost:8090/cb", "https://app.example:8443/cb"]}
BACK, FRONT = "backchannel_logout_uri", "frontchannel_logout_uri"


@pytest.mark.parametrize(
    "uri", ["https://app.example/out", "https://other.example:8443/out?tenant=1", "https://[::1]/"]
)
def test_back_channel_logout_uri_may_be_any_https_url(uri: str) -> None:
    metadata = parse_metadata({**WEB, BACK: uri})
    assert metadata.backchannel_logout_uri == uri
    assert metadata.has_logout_uri


@pytest.mark.parametrize(
    "uri", ["https://app.example/out", "http://localhost:8090/out", "https://app.example:8443/out?tenant=1"]
)
def test_front_channel_logout_uri_shares_the_origin_of_a_redirect_uri(uri: str) -> None:
    assert parse_metadata({**WEB, FRONT: uri}).frontchannel_logout_uri == uri


@pytest.mark.s(3)
@pytest.mark.parametrize("name", [BACK, FRONT])
@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/out#fragment",
        "https://app.example/out#",
        "http://app.example/out",
        "com.example.app:/out",
        "javascript:alert(1)",
        "https://user@app.example/out",
        "https://app.example/o ut",
        "https://app.example/out\r\n",
        "//app.example/out",
        7,
        ["https://app.example/out"],
    ],
)
def test_malformed_logout_uri_is_refused(name: str, uri: object) -> None:
    with pytest.raises(InvalidClientMetadata) as refusal:
        parse_metadata({**WEB, name: uri})
    assert refusal.value.reason == "METADATA_LOGOUT_URI"


def test_back_channel_logout_uri_refuses_http_on_loopback() -> None:
    with pytest.raises(InvalidClientMetadata):
        parse_metadata({**WEB, BACK: "http://localhost:8090/out"})


@pytest.mark.parametrize(
    "uri",
    ["https://evil.example/out", "https://app.example:444/out", "http://localhost:8091/out", "http://127.0.0.1:8090/"],
)
def test_front_channel_logout_uri_of_another_origin_is_refused(uri: str) -> None:
    with pytest.raises(InvalidClientMetadata):
        parse_metadata({**WEB, FRONT: uri})


def test_client_without_logout_uris_is_not_notified() -> None:
    assert not parse_metadata({**WEB, BACK: "", FRONT: None}).has_logout_uri


@pytest.mark.parametrize(
    "uri", ["https://app.example/out", "https://app.example/out?", "https://app.example/out?a=%7e"]
)
def test_front_channel_logout_uri_gets_iss_and_sid_added(uri: str) -> None:
    loaded = with_session(uri, issuer="https://id.example:8443/x", session_id="s&1")
    assert loaded.startswith(uri)
    parameters = parse_qsl(urlsplit(loaded).query)
    assert parameters[-2:] == [("iss", "https://id.example:8443/x"), ("sid", "s&1")]
    assert len(parameters) == (3 if "a=" in uri else 2)
