"""PostgreSQL setup: one database, and for each service with data a role that owns a schema.

No role can read or change the schema of another role.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

SUPERUSER_WITHOUT_PASSWORD = "ALTER ROLE CURRENT_USER PASSWORD NULL;\n"
"""For the PostgreSQL container: its superuser cannot log in over the network, only inside the container."""
ITERATIONS = 4096
SALT_BYTES = 16


def scram_verifier(password: str, *, salt: bytes) -> str:
    """The SCRAM-SHA-256 verifier of an ASCII password (RFC 5802 section 3, RFC 7677)."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    stored_key = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    server_key = _hmac(salted, b"Server Key")
    return f"SCRAM-SHA-256${ITERATIONS}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


def statements(verifiers: Mapping[str, str], *, database: str) -> str:
    """SQL for the superuser, run once, in an empty `database`. `verifiers`: role -> SCRAM verifier.

    A role and its schema have the same name. The SQL contains verifiers only, no passwords.
    """
    lines = [
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;",
    ]
    for role, verifier in verifiers.items():
        lines += [
            f"CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD '{verifier}';",
            # PostgreSQL requires CREATE even for CREATE SCHEMA IF NOT EXISTS of an existing schema (migrations).
            f"GRANT CONNECT, CREATE ON DATABASE {database} TO {role};",
            f"CREATE SCHEMA {role} AUTHORIZATION {role};",
        ]
    return "\n".join(lines) + "\n"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
