from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.client_metadata import SUPPORTED_GRANT_TYPES, ClientMetadata, parse_metadata
from libs.oauth.errors import InvalidClientMetadata, InvalidRedirectUri

MEMBERS = sorted(ClientMetadata.__dataclass_fields__)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
LIKELY = st.sampled_from(
    [
        "code",
        "none",
        "openid",
        "https://app.example/cb",
        "https://[",
        "http://[::1]/cb",
        "com.example.app:/cb",
        *SUPPORTED_GRANT_TYPES,
    ]
)


@given(st.dictionaries(st.sampled_from(MEMBERS) | st.text(), JSON | LIKELY | st.lists(LIKELY, max_size=3)))
def test_parse_metadata_raises_oauth_errors_only_and_result_is_json(members: dict[str, Any]):
    try:
        metadata = parse_metadata(members)
    except (InvalidClientMetadata, InvalidRedirectUri):
        return
    assert parse_metadata(metadata.to_json()) == metadata


@given(
    st.fixed_dictionaries(
        {"redirect_uris": st.just(["https://app.example/cb"])},
        optional={
            "client_name": st.text(max_size=20),
            "grant_types": st.lists(st.sampled_from(SUPPORTED_GRANT_TYPES), min_size=1),
            "token_endpoint_auth_method": st.sampled_from(["none", "client_secret_basic", "client_secret_post"]),
            "scope": st.lists(st.sampled_from(["openid", "profile", "api:read"])).map(" ".join),
            "contacts": st.lists(st.text(max_size=9), max_size=3),
            "default_max_age": st.integers(0, 10_000) | st.none(),
            "require_pkce": st.booleans(),
            "consent": st.sampled_from(["required", "skip"]),
        },
    )
)
def test_valid_metadata_survive_a_json_round_trip(members: dict[str, Any]):
    try:
        metadata = parse_metadata(members)
    except InvalidClientMetadata:
        return
    written = metadata.to_json()
    assert parse_metadata(written) == metadata
    assert parse_metadata(written).to_json() == written
    assert not (metadata.is_public and not metadata.require_pkce)
