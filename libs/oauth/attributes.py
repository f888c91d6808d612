"""Attributes of people beyond the standard claims: which there are, who writes them, and which scope releases them."""

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
"""Claims that tokens mean something by: nobody's attribute may be taken for one."""
_OF_RIGHTS: Final = frozenset({"roles", "groups", "entitlements", "permissions", "tenant", "admin"})
"""What an API decides rights by (RFC 9068 2.2.3.1, and customs): a person never writes their own."""
_MEMBERS: Final = frozenset({"type", "writer", "scope", "label"})


@dataclass(frozen=True)
class Attribute:
    name: str
    """The claim."""
    type: AttributeType
    writer: AttributeWriter
    """Who may write it beside operators, who write all."""
    scope: str
    """The scope value that releases it, and no other does."""
    label: Mapping[str, str]
    """What people read, by language; always in English."""

    def holds(self, value: object) -> bool:
        """Is it a value of this type, and one that no application trips over?"""
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
    """All that there are, by name."""

    by_name: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(attribute.scope for attribute in self.by_name.values()))

    def of(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Names of the claims that these scope values release."""
        asked = frozenset(scopes)
        return tuple(name for name, attribute in self.by_name.items() if attribute.scope in asked)

    def of_scope(self, scope: str) -> list[Attribute]:
        return [attribute for attribute in self.by_name.values() if attribute.scope == scope]

    def written_by_people(self) -> list[str]:
        return [name for name, attribute in self.by_name.items() if attribute.writer == "person"]


NO_ATTRIBUTES: Final = Attributes()


def parse_attributes(text: str) -> Attributes:
    """From TOML, a table `[attributes.<claim>]` for each. Raises: ValueError, with what is wrong."""
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
        raise ValueError(f"{name}: an attribute is named in lower case or by an https URI, and no standard claim")
    if not isinstance(table, dict) or not table.keys() <= _MEMBERS:
        raise ValueError(f"{name}: has the members type, writer, scope and label")
    kind, writer, scope, label = (table.get(member) for member in ("type", "writer", "scope", "label"))
    if kind not in get_args(AttributeType) or writer not in get_args(AttributeWriter):
        raise ValueError(f"{name}: type is one of {get_args(AttributeType)}, writer one of {get_args(AttributeWriter)}")
    if writer == "person" and name in _OF_RIGHTS:
        raise ValueError(f"{name}: rights are decided by it, so no person writes their own")
    if not isinstance(scope, str) or len(parse_scope(scope)) != 1 or scope in STANDARD_SCOPES:
        raise ValueError(
            f"{name}: scope is one value and none of the standard ones, which people have agreed to already"
        )
    return Attribute(name, cast("AttributeType", kind), cast("AttributeWriter", writer), scope, _label(name, label))


def _label(name: str, label: Any) -> dict[str, str]:
    words = {"en": label} if isinstance(label, str) else label
    if not isinstance(words, dict) or "en" not in words:
        raise ValueError(f"{name}: label is a text, or texts by language with one for en")
    if not all(_LANGUAGE.fullmatch(tag) and _is_text(text) for tag, text in words.items()):
        raise ValueError(f"{name}: label has languages such as de and texts of one line")
    return words
