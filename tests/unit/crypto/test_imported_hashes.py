"""Hashes that other systems made are verified as those made them, and nothing else is taken for one."""

import pytest
from argon2 import PasswordHasher

from libs.crypto.imported_hashes import FORMATS, is_imported_hash, verify_imported
from libs.crypto.passwords import is_importable_hash, needs_rehash, verify_password

# From the tests of bcrypt's authors and of passlib 1.7; made with hashlib, glibc and bcrypt.
KNOWN = [
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("password", "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"),
    (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
    (
        "Hello world!",
        "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
    ),
    ("", "$6$a$Z6IPkDduHdwavesVY2NFMpOHkigshxPYdhfLg0D3A7/XFQcso9RV2E8qczyJ2su.dj6RRLaTpvgwN1rZfK0I9."),
    (
        "paß" * 40,
        "$6$rounds=1000$0123456789abcdef$SCuUKEeVRwQyTA0IGsCA6WQBW8tPCpNsSGV5jRld49LB3QOYPu3qtZkF6xUYw5zEy2noy8mDXSRCHsc6kl25W0",
    ),
    ("password", "{bcrypt}$2a$04$r11cNAeNthO.BMbjQHImHOV/9ULhkdMoh9iDi5KUAGOCkPoeAJbUy"),
    ("password", "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHQ$xdm4IMyPApeWQ+5AiPVw2L3OCnA4OBnnwWGIV2OM5+o"),
    ("password", "scrypt$16$saltsalt$8$1$xdm4IMyPApeWQ+5AiPVw2L3OCnA4OBnnwWGIV2OM5+o="),
    ("password", "scrypt:16:8:1$saltsalt$c5d9b820cc8f02979643ee4088f570d8bdce0a70383819e7c1618857638ce7ea"),
    ("password", "$pbkdf2$1000$c2FsdHNhbHQ$6f6/9Uv85mj94wGsyFVjzJ3HHvY"),
    ("password", "{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0"),
    (
        "password",
        "{SSHA512}+mohhbPgqahe9B/7Z+88H7b3SYD46/lw5OcuNT7ZU31ZMIPCAd/W5D4cinqsK8jbsRnH37fUuPExEROVvXDpf3NhbHQ=",
    ),
]

OURS = "$argon2id$v=19$m=19456,t=2,p=1$8vOEeGUEkUGt/UZNEAgFbA$kOYx4P3Diiq5ZB13xLUIzDd/lYxR6Lnaix2jhxXE2uo"
"""No import: it is one of our own, of the password `ours`."""


@pytest.mark.parametrize(("password", "known"), KNOWN)
def test_imported_hash_matches_the_right_password_only(password: str, known: str) -> None:
    assert is_imported_hash(known)
    assert verify_imported(known, password)
    assert not verify_imported(known, password + "x")
    assert verify_password(known, password)
    assert needs_rehash(known)


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_django_hash_matches(digest: str) -> None:
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415

    tag = hashlib.pbkdf2_hmac(digest, "påsswörd".encode(), b"salt.and:pepper", 1_200)
    known = f"pbkdf2_{digest}$1200$salt.and:pepper${base64.b64encode(tag).decode()}"
    assert is_imported_hash(known)
    assert verify_imported(known, "påsswörd")
    assert not verify_imported(known, "passwörd")


@pytest.mark.s(50)
def test_bcrypt_password_is_cut_at_72_bytes() -> None:
    import bcrypt  # noqa: PLC0415

    known = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert verify_imported(known, "x" * 72 + "what came after never counted")
    assert not verify_imported(known, "x" * 71)


@pytest.mark.parametrize(
    "text",
    [
        *("{SSHA}" + "a" * 24, "{bcrypt}{bcrypt}$2a$04$" + "a" * 53, "{noop}password", "{MD5}" + "a" * 24),
        "$6$rounds=999999999$saltstring$" + "a" * 86,
        "scrypt:1048576:8:1$salt$" + "ab" * 32,
        "scrypt:1000:8:1$salt$" + "ab" * 32,
        "scrypt:16:8:99$salt$" + "ab" * 32,
        *("", "password", "$2b$10$short", "$1$abc$def", "{SSHA}abc", "5f4dcc3b5aa765d61d8327deb882cf99"),
        *("$2b$15$" + "a" * 53, "$2b$03$" + "a" * 53, "$2b$10$" + "a" * 53 + "\n", OURS),
        "$pbkdf2-sha256$20000000$0ZrzXitFSGltTQnBWOsdeQ$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
        "$pbkdf2-sha256$1$0ZrzXitFSGltTQnBWOsdeQ$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
        "$pbkdf2-sha1$6400$0ZrzXitFSGltTQnBWOsdeQ$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
        "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdeQ$short",
    ],
)
def test_unknown_or_too_expensive_hash_is_refused(text: str) -> None:
    assert not is_imported_hash(text)


@pytest.mark.parametrize("hashed", [OURS, OURS.replace("m=19456,t=2,p=1", "m=65536,t=3,p=4")])
def test_argon2id_hash_of_this_or_another_system_can_be_imported(hashed: str) -> None:
    assert is_importable_hash(hashed)
    assert needs_rehash(hashed) is (hashed != OURS)


@pytest.mark.parametrize(
    "text",
    [
        "$argon2id$v=19$m=4194304,t=2,p=1$8vOEeGUEkUGt/UZNEAgFbA$kOYx4P3Diiq5ZB13xLUIzDd/lYxR6Lnaix2jhxXE2uo",
        "$argon2id$v=19$m=19456,t=99,p=1$8vOEeGUEkUGt/UZNEAgFbA$kOYx4P3Diiq5ZB13xLUIzDd/lYxR6Lnaix2jhxXE2uo",
        "$argon2id$v=19$m=19456,t=2,p=1$8vOEeGUEkUGt/UZNEAgFbA",
        "$argon2id$v=19$m=19456,t=2,p=1$$",
        "$argon2id$" + "a" * 400,
        "$argon2i$v=19$m=19456,t=2,p=1$8vOEeGUEkUGt/UZNEAgFbA$kOYx4P3Diiq5ZB13xLUIzDd/lYxR6Lnaix2jhxXE2uo",
    ],
)
def test_argon2_hash_that_is_malformed_or_too_expensive_is_refused(text: str) -> None:
    assert not is_importable_hash(text)


def test_argon2id_hash_of_a_system_without_normalization_matches() -> None:
    decomposed = "pa\u0308ssword"
    hashed = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1).hash(decomposed)
    assert verify_password(hashed, decomposed)
    assert not verify_password(hashed, "password")


def test_list_of_formats_is_readable_ascii() -> None:
    assert FORMATS.isascii()
    assert "?" not in FORMATS
