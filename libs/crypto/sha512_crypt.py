"""sha512crypt, the format `$6$` of Unix password files (Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512")."""

import re
from hashlib import sha512

MAX_ROUNDS = 1_000_000
"""About a second of one core."""
_DEFAULT_ROUNDS = 5_000
_MIN_ROUNDS = 1_000
_MAX_SALT = 16
SHA512_CRYPT = re.compile(r"\$6\$(?:rounds=([1-9]\d{3,8})\$)?([^$:\n]{0,16})\$([./0-9A-Za-z]{86})")
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def rounds_of(text: str) -> int:
    """Return the number of rounds of a hash that matches SHA512_CRYPT."""
    found = SHA512_CRYPT.fullmatch(text)
    return int(found[1]) if found and found[1] else _DEFAULT_ROUNDS


def sha512_crypt(password: bytes, setting: str) -> str:
    """Return the hash of the password with the salt and rounds of `setting`, which matches SHA512_CRYPT."""
    prefix, _, _ = setting.rpartition("$")
    salt = prefix.rpartition("$")[2].encode()
    digest = _rounds(password, salt, _first(password, salt), rounds_of(setting))
    return f"{prefix}${_encoded(digest)}"


def _first(password: bytes, salt: bytes) -> bytes:
    """Steps 1 to 12 of the specification."""
    alternate = sha512(password + salt + password).digest()
    data = password + salt + _repeated(alternate, len(password))
    length = len(password)
    while length:
        data += alternate if length & 1 else password
        length >>= 1
    return sha512(data).digest()


def _rounds(password: bytes, salt: bytes, digest: bytes, rounds: int) -> bytes:
    """Steps 13 to 21."""
    p = _repeated(sha512(password * len(password)).digest(), len(password))
    s = _repeated(sha512(salt * (16 + digest[0])).digest(), len(salt))
    for number in range(rounds):
        data = p if number & 1 else digest
        if number % 3:
            data += s
        if number % 7:
            data += p
        data += digest if number & 1 else p
        digest = sha512(data).digest()
    return digest


def _repeated(data: bytes, length: int) -> bytes:
    return (data * (length // len(data) + 1))[:length]


def _encoded(digest: bytes) -> str:
    """Step 22: three bytes at a time in the order of the specification, each group least significant bits first."""
    order = [(0, 21, 42)]
    while len(order) < 21:
        a, b, c = order[-1]
        order.append((b + 1, c + 1, a + 1))
    groups = [(digest[a] << 16 | digest[b] << 8 | digest[c], 4) for a, b, c in order] + [(digest[63], 2)]
    return "".join(_ALPHABET[value >> 6 * place & 63] for value, places in groups for place in range(places))
