"""Subject identifiers in responses to clients: the user id, or a pairwise value for each sector (OpenID Connect Core 8)."""

import string
from typing import Any

import pytest

from libs.crypto.random import new_client_id
from services.token.domain.clients.client import Client
from services.token.domain.tokens.subjects import Subjects
from tests.unit.token.parts import ALICE, BOB, a_client

pytestmark = pytest.mark.s(67)
SUBJECTS = Subjects(b"s" * 32)
SECTOR: dict[str, Any] = {"subject_type": "pairwise", "sector_identifier_uri": "https://one.example/sector"}


def pairwise(client_id: str = "c_shop", **members: Any) -> Client:
    return a_client(client_id=client_id, **{**SECTOR, **members})


def test_client_with_public_subjects_gets_internal_ids() -> None:
    shown = SUBJECTS.shown(a_client(), user_id=ALICE, session_id="s-1")
    assert (shown.sub, shown.sid) == (ALICE, "s-1")


def test_pairwise_subject_is_equal_within_a_sector_only() -> None:
    first, second = pairwise(), pairwise("c_other")
    elsewhere = pairwise(sector_identifier_uri="https://two.example/sector")
    of_host = pairwise(sector_identifier_uri=None)
    assert SUBJECTS.sub(first, ALICE) == SUBJECTS.sub(second, ALICE)
    assert len({SUBJECTS.sub(client, ALICE) for client in (first, elsewhere, of_host)}) == 3
    assert len({SUBJECTS.sid(client, "s-1") for client in (first, elsewhere, of_host)}) == 3


def test_pairwise_subject_depends_on_user_sector_and_salt() -> None:
    client = pairwise()
    every = {
        SUBJECTS.sub(client, ALICE),
        SUBJECTS.sub(client, BOB),
        SUBJECTS.sid(client, ALICE),
        Subjects(b"t" * 32).sub(client, ALICE),
    }
    assert len(every) == 4
    assert all(ALICE not in each for each in every)


def test_it_never_changes() -> None:
    """A value computed by hand: another value would change the subject of each existing user."""
    assert SUBJECTS.sub(pairwise(), ALICE) == "9eSxbZB2ik-Q1dyzd_QJd25RhJMCSwf85ho4XRr7C04"


@pytest.mark.s(71)
def test_no_client_id_looks_like_it() -> None:
    subject = SUBJECTS.sub(pairwise(), ALICE)
    assert len(subject) == 43 != len(new_client_id())
    assert set(subject) <= set(string.ascii_letters + string.digits + "-_")
    assert not ALICE.startswith("c_")


def test_a_fingerprint_tells_salts_apart_and_nothing_of_them() -> None:
    other = Subjects(b"t" * 32)
    assert SUBJECTS.has_fingerprint(SUBJECTS.fingerprint)
    assert not other.has_fingerprint(SUBJECTS.fingerprint)
    assert b"s" * 4 not in SUBJECTS.fingerprint
