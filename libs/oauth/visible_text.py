"""Names that users compare by eye must not contain characters that cannot be seen (Unicode TR 36, 2.10)."""

_RANGES = (
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors
    (0x2800, 0x2800),  # Braille pattern blank
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xE0100, 0xE01EF),  # variation selectors supplement
)
_INVISIBLE = frozenset(chr(code) for first, last in _RANGES for code in range(first, last + 1))
"""Default ignorable characters that `str.isprintable` admits, and the Braille pattern without dots."""


def is_visible(text: str) -> bool:
    """Return whether each character can be seen; spaces can.

    `str.isprintable` refuses control characters, zero width characters, bidirectional controls and tags.
    """
    return text.isprintable() and _INVISIBLE.isdisjoint(text)
