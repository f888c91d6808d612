"""Sector identifiers for pairwise subjects (OpenID Connect Core 8.1, Registration 1.0, 5)."""

import json

import pytest

from libs.oauth.client_metadata import parse_metadata
from libs.oauth.errors import InvalidClientMetadata
from libs.oauth.sectors import MAX_LISTED, require_listed, sector_of

pytestmark = pytest.mark.s(67)
ONE, TWO = "https://one.example/cb", "https://two.example/cb"
DOCUMENT = "https://group.example:8443/sector.json?a=b"


@pytest.mark.parametrize(
    ("uri", "redirect_uris", "sector"),
    [
        ("", [ONE], "one.example"),
        ("", [ONE, "https://ONE.example:8443/other"], "one.example"),
        (DOCUMENT, [ONE], "group.example"),
        (DOCUMENT, [ONE, TWO], "group.example"),
        (DOCUMENT, ["http://127.0.0.1/cb", "com.example.app:/cb"], "group.example"),
        (DOCUMENT, [], "group.example"),
    ],
)
def test_sector_is_the_host_of_sector_identifier_uri_or_redirect_uris(uri, redirect_uris, sector):
    assert sector_of(uri, redirect_uris) == sector


@pytest.mark.parametrize(
    "redirect_uris", [[], [ONE, TWO], ["http://127.0.0.1/cb"], ["com.example.app:/cb"], [ONE, "http://localhost/cb"]]
)
def test_sector_without_document_requires_one_https_host(redirect_uris):
    with pytest.raises(InvalidClientMetadata) as refusal:
        sector_of("", redirect_uris)
    assert refusal.value.reason == "METADATA_SECTOR"


def test_pairwise_client_without_a_sector_is_refused():
    web = {"redirect_uris": [ONE, TWO]}
    assert parse_metadata(web).sector == ""
    assert parse_metadata({**web, "sector_identifier_uri": DOCUMENT}).sector == ""
    assert parse_metadata({**web, "sector_identifier_uri": DOCUMENT, "subject_type": "pairwise"}).sector
    for members in ({"subject_type": "pairwise"}, {"subject_type": "ephemeral"}, {"sector_identifier_uri": "http://a"}):
        with pytest.raises(InvalidClientMetadata):
            parse_metadata({**web, **members})


def test_sector_document_that_lists_every_redirect_uri_is_accepted():
    require_listed(json.dumps([TWO, ONE, "x"]).encode(), [ONE, TWO])


@pytest.mark.parametrize("listed", [[ONE], [], [ONE, TWO + "/"], [ONE, TWO.upper()]])
def test_redirect_uri_missing_in_the_sector_document_is_refused(listed):
    with pytest.raises(InvalidClientMetadata) as refusal:
        require_listed(json.dumps(listed).encode(), [ONE, TWO])
    assert refusal.value.reason == "SECTOR_REDIRECT_URI_UNLISTED"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[",
        b"\xff\xfe",
        json.dumps({ONE: 1}).encode(),
        json.dumps([ONE, 7]).encode(),
        json.dumps(ONE).encode(),
        b"[" * 50_000,
        json.dumps([ONE] * (MAX_LISTED + 1)).encode(),
    ],
)
def test_sector_document_that_is_not_an_array_of_strings_is_refused(document):
    with pytest.raises(InvalidClientMetadata) as refusal:
        require_listed(document, [ONE])
    assert refusal.value.reason == "SECTOR_DOCUMENT"
