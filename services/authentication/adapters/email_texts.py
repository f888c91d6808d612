"""Renders emails: one template for each kind produces the plain text and the HTML part."""

from collections.abc import Mapping
from pathlib import Path

import jinja2

from libs.languages.language import ENGLISH, Language, best
from libs.languages.moments import moment_in_words
from libs.languages.translation import add_translation, current, use_language
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.email.emails import EmailKind, QueuedEmail
from services.authentication.domain.email.links import LIFETIME
from services.authentication.ports.email import Mail

_FOLDER = Path(__file__).parents[1] / "emails"
FORGOTTEN_PATH = "/password/forgotten"
_BLOCKS = ("subject", "before", "action", "after")


class EmailTexts:
    """A missing template variable is an error. Values chosen by users are escaped."""

    def __init__(self, *, brand: str, issuer: str) -> None:
        loader = jinja2.FileSystemLoader(_FOLDER)
        self._plain = jinja2.Environment(
            loader=loader,
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # noqa: S701 - plain text; the page that repeats it escapes
            trim_blocks=True,
            lstrip_blocks=True,
        )
        add_translation(self._plain)
        self._page = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, autoescape=True)
        self._brand = brand
        self._issuer = issuer
        for kind in EmailKind:
            self._plain.get_template(f"{kind}.txt")

    def __call__(self, posted: QueuedEmail, *, address: str, account: Account | None, link: str) -> Mail:
        """The email, in the language of the page or of the user's profile."""
        with use_language(_language(posted, account)):
            said = self._blocks_of(posted, account)
            language = current()
        subject = _one_line(said["subject"])
        before, after = _paragraphs(said["before"]), _paragraphs(said["after"])
        page = self._page.get_template("layout.html").render(
            locale=language.tag,
            direction=language.direction,
            brand=self._brand,
            subject=subject,
            before=before,
            action=_one_line(said["action"]),
            link=link,
            after=after,
        )
        text = "\n\n".join([*before, *([link] if link else []), *after, f"-- \n{self._brand}\n{self._issuer}"])
        return Mail(posted.letter_id, address, language.tag, f"{subject} · {self._brand}", text + "\n", page)

    def _blocks_of(self, posted: QueuedEmail, account: Account | None) -> Mapping[str, str]:
        template = self._plain.get_template(f"{posted.email.kind}.txt")
        context = template.new_context(
            {
                "name": "",
                **{word: _visible(value) for word, value in posted.email.words.items()},
                "brand": self._brand,
                "display_name": _visible(account.display_name) if account else "",
                "username": account.username if account else "",
                "when": moment_in_words(posted.posted_at),
                "minutes": int(LIFETIME.total_seconds() // 60),
                "forgotten": f"{self._issuer}{FORGOTTEN_PATH}",
            }
        )
        return {block: "".join(template.blocks[block](context)) for block in _BLOCKS}


def _paragraphs(text: str) -> list[str]:
    return [_one_line(paragraph) for paragraph in text.split("\n\n") if paragraph.strip()]


def _one_line(text: str) -> str:
    """Removes line ends, so that a value chosen by a user cannot start a paragraph or a header."""
    return " ".join(text.split())


def _visible(text: str) -> str:
    return _one_line("".join(character if character.isprintable() else " " for character in text))


def _language(posted: QueuedEmail, account: Account | None) -> Language:
    """That of the page on which the user asked for the email, or that of their profile."""
    return best(tag for tag in (posted.email.locale, account.profile.locale if account else None) if tag) or ENGLISH
