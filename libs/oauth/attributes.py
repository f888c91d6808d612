"""Custom user attributes beyond the standard claims: type, who may write them, and the scope that releases them."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal, cast, get_args

from libs.oauth.scopes import CLAIMS_OF_SCOPE, STANDARD_SCOPES, parse_scope

AttributeType = Literal["text", "number", "boolean", "date", "texts"]
AttributeWriter = Literal["person", "operator"]
MAX_ATTRIBUTES: Final = 50
_MAX_TEXT: Final = 255
_MAX_TEXTS: Final = 50
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}|https://[a-z0-9.-]{1,100}/[A-Za-z0-9._~/-]{1,100}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_OF_PROTOCOLS: Final = frozenset(
    [
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "azp",
        "sid",
        "at_hash",
        "c_hash",
        "s_hash",
        "cnf",
        "act",
        "may_act",
        "client_id",
        "scope",
        "scp",
        "typ",
        "token_type",
        "active",
        "username",
        "events",
        "txn",
        "toe",
        "sub_id",
        "sub_jwk",
        "authorization_details",
        "org_id",
        "vot",
        "vtm",
        "trust_framework",
        "verified_claims",
        "id_token",
        "_claim_names",
        "_claim_sources",
    ]
)
"""Claims with a meaning in tokens: an attribute cannot have one of these names."""
_OF_AUTHORIZATION: Final = frozenset({"roles", "groups", "entitlements", "permissions", "tenant", "admin"})
"""Claims that APIs use for authorization (RFC 9068 2.2.3.1): users cannot write them."""
_MEMBERS: Final = frozenset({"type", "writer", "scope", "label"})


@dataclass(frozen=True)
class Attribute:
    name: str
    """The claim."""
    type: AttributeType
    writer: AttributeWriter
    """Who may write the attribute. Operators may write every attribute."""
    scope: str
    """The only scope value that releases the attribute."""
    label: Mapping[str, str]
    """Display name by language; English is always present."""

    def accepts(self, value: object) -> bool:
        """Return whether the value has this type and is within the limits."""
        if self.type == "boolean":
            return isinstance(value, bool)
        if self.type == "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**53
        if self.type == "texts":
            return isinstance(value, list) and 0 < len(value) <= _MAX_TEXTS and all(_is_text(each) for each in value)
        return _is_text(value) and (self.type == "text" or _is_date(str(value)))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= _MAX_TEXT and value.isprintable()


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


@dataclass(frozen=True)
class Attributes:
    """All configured attributes by name."""

    by_name: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(attribute.scope for attribute in self.by_name.values()))

    def of(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the claims that these scope values release."""
        requested = frozenset(scopes)
        return tuple(name for name, attribute in self.by_name.items() if attribute.scope in requested)

    def of_scope(self, scope: str) -> list[Attribute]:
        return [attribute for attribute in self.by_name.values() if attribute.scope == scope]

    def written_by_users(self) -> list[str]:
        return [name for name, attribute in self.by_name.items() if attribute.writer == "person"]


NO_ATTRIBUTES: Final = Attributes()


def parse_attributes(text: str) -> Attributes:
    """Parse TOML with one table `[attributes.<claim>]` per attribute. Raises ValueError if it is invalid."""
    try:
        tables = tomllib.loads(text).get("attributes", {})
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"must be TOML: {error}") from None
    if not isinstance(tables, dict) or len(tables) > MAX_ATTRIBUTES:
        raise ValueError(f"must have at most {MAX_ATTRIBUTES} tables [attributes.<claim>]")
    return Attributes({name: _attribute(name, table) for name, table in tables.items()})


def _attribute(name: str, table: Any) -> Attribute:
    taken = {claim for claims in CLAIMS_OF_SCOPE.values() for claim in claims} | _OF_PROTOCOLS
    if not _NAME.fullmatch(name) or name in taken:
        raise ValueError(f"{name}: the name must be in lower case or an https URI, and not that of a standard claim")
    if not isinstance(table, dict) or not table.keys() <= _MEMBERS:
        raise ValueError(f"{name}: the only members are type, writer, scope and label")
    kind, writer, scope, label = (table.get(member) for member in ("type", "writer", "scope", "label"))
    if kind not in get_args(AttributeType) or writer not in get_args(AttributeWriter):
        raise ValueError(
            f"{name}: type must be one of {get_args(AttributeType)}, writer one of {get_args(AttributeWriter)}"
        )
    if writer == "person" and name in _OF_AUTHORIZATION:
        raise ValueError(f"{name}: APIs use this claim for authorization, so writer must be operator")
    if not isinstance(scope, str) or len(parse_scope(scope)) != 1 or scope in STANDARD_SCOPES:
        raise ValueError(f"{name}: scope must be one value that is not a standard scope")
    return Attribute(name, cast("AttributeType", kind), cast("AttributeWriter", writer), scope, _label(name, label))


def _label(name: str, label: Any) -> dict[str, str]:
    words = {"en": label} if isinstance(label, str) else label
    if not isinstance(words, dict) or "en" not in words:
        raise ValueError(f"{name}: label must be a string, or a table of strings by language that includes en")
    if not all(_LANGUAGE.fullmatch(tag) and _is_text(text) for tag, text in words.items()):
        raise ValueError(f"{name}: the keys of label must be language tags such as de, its values strings of one line")
    return words
