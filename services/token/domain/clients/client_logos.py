"""Client logos. The media type is detected from the content."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Logo:
    content: bytes = field(repr=False)
    content_type: str


def as_logo(content: bytes) -> Logo | None:
    """The image, if it begins as one of the four kinds do."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Logo(content, "image/png")
    if content.startswith(b"\xff\xd8\xff"):
        return Logo(content, "image/jpeg")
    if content.startswith((b"GIF87a", b"GIF89a")):
        return Logo(content, "image/gif")
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return Logo(content, "image/webp")
    return None
