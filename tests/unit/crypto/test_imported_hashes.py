"""Hashes that other systems made are verified as those made them, and nothing else is taken for one."""

import pytest

from libs.crypto.imported_hashes import is_imported_hash, verify_imported
from libs.crypto.passwords import needs_rehash, verify_password

# From the tests of bcrypt's authors and of passlib 1.7.
KNOWN = [
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("password", "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"),
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
