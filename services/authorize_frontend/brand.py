"""The operator's branding of the pages: accent colour, logo and links."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from pydantic import AfterValidator, FilePath

from services.authorize_frontend.colours import DARK, LIGHT, Colour, sheet, variables

_MAX_LOGO_BYTES: Final = 128 * 1024
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_ADDRESS: Final = re.compile(r"mailto:[^@\s\"'<>?]{1,64}@[A-Za-z0-9.-]{1,253}")
_ACTIVE: Final = frozenset({"script", "foreignobject", "iframe", "style", "set", "animate", "handler"})


@dataclass(frozen=True)
class Brand:
    """Settings that the operator has not set are empty."""

    sheet: str = ""
    """A style sheet that is loaded after latchkey.css."""
    logo: bytes = b""
    logo_suffix: str = ""
    support: str = ""
    policy: str = ""
    terms: str = ""

    @classmethod
    def of(cls, *, accent: str, accent_dark: str, logo: Path | None, support: str, policy: str, terms: str) -> "Brand":
        """Builds the branding from settings that the types below have validated."""
        content = logo.read_bytes() if logo else b""
        dark = Colour.of(accent_dark) if accent_dark else None
        return cls(
            sheet=sheet(Colour.of(accent), dark) if accent else "",
            logo=content,
            logo_suffix=(".png" if content.startswith(_PNG) else ".svg") if content else "",
            support=support,
            policy=policy,
            terms=terms,
        )


def _light(value: str) -> str:
    if value:
        variables(Colour.of(value), LIGHT)
    return value


def _dark(value: str) -> str:
    if value:
        variables(Colour.of(value), DARK)
    return value


def _link(value: str) -> str:
    try:
        parts = urlsplit(value)
        fine = not value or (parts.scheme == "https" and bool(parts.hostname) and not parts.username)
    except ValueError:
        fine = False
    if not fine or not value.isprintable() or not value.isascii() or " " in value:
        raise ValueError("must be an https URL")
    return value


def _link_or_address(value: str) -> str:
    return value if _ADDRESS.fullmatch(value) else _link(value)


def _logo(path: Path) -> Path:
    """Accepts a PNG, or an SVG without active content."""
    content = path.read_bytes()
    if len(content) > _MAX_LOGO_BYTES:
        raise ValueError(f"must have at most {_MAX_LOGO_BYTES // 1024} KiB")
    if not content.startswith(_PNG):
        _check_svg(content)
    return path


def _check_svg(content: bytes) -> None:
    if b"<!" in re.sub(rb"<!--.*?-->", b"", content, flags=re.DOTALL):
        raise ValueError("must be a PNG, or an SVG without a document type")
    try:
        root = ET.fromstring(content)  # noqa: S314 - without a document type there are no entities
    except ET.ParseError:
        raise ValueError("must be a PNG or an SVG") from None
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise ValueError("must be a PNG or an SVG")
    for element in root.iter():
        active = str(element.tag).rpartition("}")[2].lower() in _ACTIVE
        if active or any(_is_unsafe(name, value) for name, value in element.attrib.items()):
            raise ValueError("must be an SVG without scripts, styles and external references")


def _is_unsafe(attribute: str, value: str) -> bool:
    name = attribute.rpartition("}")[2].lower()
    return name.startswith("on") or (name == "href" and not value.startswith("#")) or name == "style"


LightAccent = Annotated[str, AfterValidator(_light)]
DarkAccent = Annotated[str, AfterValidator(_dark)]
Link = Annotated[str, AfterValidator(_link)]
LinkOrAddress = Annotated[str, AfterValidator(_link_or_address)]
LogoFile = Annotated[FilePath, AfterValidator(_logo)]
