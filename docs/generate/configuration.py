"""docs/configuration.md: every setting of every service, from the classes that read them."""

import ast
import inspect
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from pydantic import FilePath, StringConstraints
from pydantic.fields import FieldInfo

from deploy.provision.topology import SERVICES
from docs.generate.markdown import anchor, code, codes, table
from docs.generate.sources import SourceError, data, prose
from libs.servicekit.base import settings
from libs.servicekit.base.settings import ServiceSettings
from services.authentication.config import AuthenticationSettings
from services.authorize_frontend import brand
from services.authorize_frontend.config import AuthorizeFrontendSettings
from services.device.config import DeviceSettings
from services.event_bridge.config import EventBridgeSettings
from services.key_rotation.adapters.key_ring import KeyRingFile
from services.key_rotation.config import KeyRotationSettings
from services.token.config import TokenSettings

SETTINGS: Final[Mapping[str, type[ServiceSettings]]] = {
    "authorize-frontend": AuthorizeFrontendSettings,
    "token": TokenSettings,
    "authentication": AuthenticationSettings,
    "device": DeviceSettings,
    "key-rotation": KeyRotationSettings,
    "event-bridge": EventBridgeSettings,
}
_HEADINGS: Final[Mapping[str, str]] = {
    "ServiceSettings": "Every service",
    "GrpcSettings": "Services that others call",
    "HttpEdgeSettings": "HTTP edges",
    "RegistrationSettings": "Services with client registration",
    "AttributeSettings": "Services that read the attributes file",
    "DatabaseSettings": "Services with a database",
    "BusSettings": "Services on NATS",
    "FetchSettings": "Services that fetch URLs of clients",
    "MailSettings": "Services that send email",
    "PasswordSettings": "Services that set passwords",
    "WrappingSettings": "Where key-rotation's key-encryption key is kept",
}
"""Of the classes that services share, in the order of the page."""
_WORDS: Final[Sequence[tuple[Any, str]]] = (
    (settings.PublicUrl, "https URL; http for loopback hosts"),
    (settings.ListenAddress, "host:port; port 0 lets the system choose"),
    (settings.SecretKeyFile, "path of a file with 32 bytes as base64url text"),
    (settings.SecretKeysFile, "path of a file with 32 bytes as base64url text, or one to three such lines"),
    (KeyRingFile, "path of a file with 32 bytes as base64url text, or with such lines as `1:<key>`"),
    (brand.LightAccent, "colour as #rrggbb"),
    (brand.DarkAccent, "colour as #rrggbb"),
    (brand.LogoFile, "path of a PNG or SVG file"),
    (brand.Link, "https URL"),
    (brand.LinkOrAddress, "https URL, or mailto: with an address"),
    (settings.AttributesFile, "path of a TOML file"),
    (settings.Networks, "networks (CIDR), separated by commas"),
    (settings.SecretFile, "path of a file that other users cannot read"),
    (FilePath, "path of a file"),
    (Path, "path of a file"),
    (bool, "`true` or `false`"),
)
"""Types with words of their own."""
_KINDS: Final = {int: "whole number", float: "number", str: "text"}
_BOUNDS: Final = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def page() -> str:
    if set(SETTINGS) != {service.name for service in SERVICES}:
        raise SourceError("SETTINGS in docs/generate/configuration.py does not name every service of the topology")
    shared = shared_classes()
    check_words([*shared, *SETTINGS.values()])
    return prose(
        "configuration.md",
        shared="\n\n".join(map(_shared_section, shared)),
        services="\n\n".join(_service_section(name, of, shared) for name, of in SETTINGS.items()),
    )


def shared_classes() -> list[type]:
    """The classes that more than one service takes settings from. Raises SourceError for one without a heading."""
    found = {base.__name__: base for of in SETTINGS.values() for base in of.__mro__[1:] if _own(base, of)}
    if unknown := found.keys() - _HEADINGS:
        raise SourceError(f"no heading for {codes(sorted(unknown))}: see _HEADINGS in docs/generate/configuration.py")
    return [found[name] for name in _HEADINGS if name in found]


def heading(of: type) -> str:
    return _HEADINGS[of.__name__]


def _shared_section(of: type) -> str:
    users = [name for name, used in SETTINGS.items() if issubclass(used, of)]
    some_user = next(used for used in SETTINGS.values() if issubclass(used, of))
    return f"### {heading(of)}\n\n{', '.join(users)}.\n\n{_table(of, _own(of, some_user))}"


def _service_section(name: str, of: type[ServiceSettings], shared: Iterable[type]) -> str:
    headings = [heading(base) for base in shared if issubclass(of, base)]
    links = ", ".join(f"[{each}](#{anchor(each)})" for each in headings)
    fields = _own(of, of)
    return f"### {name}\n\nReads what is under {links}" + (
        f", and:\n\n{_table(of, fields)}" if fields else ". Nothing of its own."
    )


def _own(of: type, used_by: type[ServiceSettings]) -> dict[str, FieldInfo]:
    """The fields that the class itself adds, in the order of its source."""
    fields = used_by.model_fields
    return {name: fields[name] for name in inspect.get_annotations(of) if name in fields}


def _table(of: type, fields: Mapping[str, FieldInfo]) -> str:
    hints = get_type_hints(of, include_extras=True)
    rows = [
        (code(variable(name)), in_words(hints[name], info, name=name), default(info, name=name), meaning(of, name))
        for name, info in fields.items()
    ]
    return table(("variable", "is", "default", "meaning"), rows).strip()


def variable(name: str) -> str:
    return f"{settings.PREFIX}{name.upper()}"


def in_words(hint: Any, info: FieldInfo, *, name: str) -> str:
    """What may be written. Raises SourceError for a type that has no words yet."""
    for known, words in _WORDS:
        if hint in (known, known | None):  # not all of them can be hashed
            return words
    if get_args(hint)[1:] == (NoneType,):
        hint = get_args(hint)[0]
    if get_origin(hint) is Literal:
        return " or ".join(code(str(value)) for value in get_args(hint))
    plain = info.annotation
    if get_origin(plain) in {tuple, frozenset}:
        return "list, separated by commas"
    if plain not in _KINDS:
        raise SourceError(f"the type of {variable(name)} has no words: see _WORDS in docs/generate/configuration.py")
    unit = " of seconds" if name.endswith("_seconds") else ""
    return ", ".join([f"{_KINDS[plain]}{unit}", *_bounds(info), *_lengths(info)])


def _bounds(info: FieldInfo) -> Iterable[str]:
    limits = {word: getattr(each, word) for each in info.metadata for word in _BOUNDS if hasattr(each, word)}
    if limits.keys() == {"ge", "le"}:
        return [f"{_number(limits['ge'])} to {_number(limits['le'])}"]
    return [f"{words} {_number(limits[word])}" for word, words in _BOUNDS.items() if word in limits]


def _lengths(info: FieldInfo) -> Iterable[str]:
    for each in info.metadata:
        if isinstance(each, StringConstraints) and each.max_length:
            yield f"{each.min_length or 0} to {each.max_length} characters"


def default(info: FieldInfo, *, name: str) -> str:
    """What holds when the variable is not set."""
    if info.is_required():
        return "required"
    if info.default_factory is not None:
        return "found at start"
    value = info.default
    return _plain(value) + (_duration(value) if name.endswith("_seconds") and value else "")


def _plain(value: Any) -> str:
    if value is None or value in ((), frozenset()):
        return "none"
    if isinstance(value, frozenset):
        return codes(sorted(map(str, value)))
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(_number(value))


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    """The duration in a larger unit: ` (8 hours)`."""
    for word, unit in (("days", timedelta(days=1)), ("hours", timedelta(hours=1)), ("minutes", timedelta(minutes=1))):
        count, rest = divmod(timedelta(seconds=seconds), unit)
        if count > 1 and not rest:
            return f" ({count} {word})"
    return ""


def meaning(of: type, name: str) -> str:
    """The docstring of a field, or what words.toml says instead. Raises SourceError when there is neither."""
    text = _words().get(of.__name__, {}).get(name) or _docstrings(of).get(name)
    if not text:
        raise SourceError(f"{of.__module__}: {of.__name__}.{name} has no docstring that says what it means")
    return " ".join(text.split())


def _words() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = data("words.toml")["settings"]
    return words


@cache
def _docstrings(of: type) -> dict[str, str]:
    """The string literals below the fields of a class; Python itself forgets them."""
    body = ast.parse(inspect.getsource(of)).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    found = {}
    for statement, following in pairwise(body.body):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = text
    return found


def check_words(classes: Iterable[type]) -> None:
    """Raises SourceError for an entry of words.toml about a setting that there is not."""
    known = {of.__name__: set(inspect.get_annotations(of)) for of in classes}
    for class_name, words in _words().items():
        if unknown := set(words) - known.get(class_name, set()):
            raise SourceError(f"docs/generate/words.toml: {class_name} has no {codes(sorted(unknown))}")
