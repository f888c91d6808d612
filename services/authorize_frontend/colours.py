"""The operator's accent colours, and the check of their contrast (WCAG 2.2, 1.4.3)."""

from dataclasses import dataclass
from typing import Final, Self

MIN_CONTRAST: Final = 4.5
"""Contrast of text to its background."""


@dataclass(frozen=True)
class Colour:
    red: int
    green: int
    blue: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Parses #rrggbb. Raises: ValueError."""
        if len(text) != 7 or text[0] != "#" or not all(digit in "0123456789abcdefABCDEF" for digit in text[1:]):
            raise ValueError("must be a colour as #rrggbb")
        return cls(*(int(text[at : at + 2], 16) for at in (1, 3, 5)))

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    def mixed(self, other: "Colour", share: float) -> "Colour":
        """Mixes in the given share (0 to 1) of another colour."""
        mine, theirs = (self.red, self.green, self.blue), (other.red, other.green, other.blue)
        return Colour(*(round(a + (b - a) * share) for a, b in zip(mine, theirs, strict=True)))

    def contrast(self, other: "Colour") -> float:
        """Returns the contrast ratio, from 1 to 21."""
        lighter, darker = sorted((_luminance(self), _luminance(other)), reverse=True)
        return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    channels = [value / 255 for value in (colour.red, colour.green, colour.blue)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


WHITE: Final = Colour(255, 255, 255)
BLACK: Final = Colour(0, 0, 0)
_INK: Final = Colour.of("#0b1211")


@dataclass(frozen=True)
class Scheme:
    """The backgrounds of an accent colour in pages/assets/latchkey.css."""

    card: Colour
    ground: Colour


LIGHT: Final = Scheme(card=WHITE, ground=Colour.of("#f3f5f4"))
DARK: Final = Scheme(card=Colour.of("#161e1d"), ground=Colour.of("#0d1312"))


def variables(accent: Colour, scheme: Scheme) -> dict[str, Colour]:
    """Returns the style sheet variables that depend on the accent colour.

    Raises:
        ValueError: a contrast is too low; the message says which.
    """
    on_accent = max(WHITE, _INK, key=accent.contrast)
    over = accent.mixed(BLACK if on_accent is WHITE else WHITE, 0.2)
    tint = scheme.card.mixed(accent, 0.09)
    pairs = {
        "as text on a card": (accent, scheme.card),
        "as text on its tint": (accent, tint),
        "under the text of a button": (on_accent, accent),
        "under the text of a button with the pointer on it": (on_accent, over),
    }
    for where, (front, back) in pairs.items():
        if (contrast := front.contrast(back)) < MIN_CONTRAST:
            raise ValueError(f"has a contrast of {contrast:.2f}:1 {where}; at least {MIN_CONTRAST}:1 is required")
    glow = scheme.ground.mixed(accent, 0.14)
    return {"accent": accent, "accent-over": over, "on-accent": on_accent, "tint": tint, "glow-a": glow}


def lightened(accent: Colour) -> Colour:
    """Lightens an accent of the light scheme until its contrast is sufficient in the dark one."""
    for step in range(1, 20):
        candidate = accent.mixed(WHITE, step / 20)
        try:
            variables(candidate, DARK)
        except ValueError:
            continue
        return candidate
    return WHITE


def sheet(accent: Colour, accent_dark: Colour | None) -> str:
    """Returns the style sheet that sets the variables in both schemes."""
    light, dark = variables(accent, LIGHT), variables(accent_dark or lightened(accent), DARK)
    return f":root {{{_set(light)}}}\n@media (prefers-color-scheme: dark) {{ :root {{{_set(dark)}}} }}\n"


def _set(values: dict[str, Colour]) -> str:
    return "".join(f" --{name}: {value};" for name, value in values.items()) + " "
