"""Configuration of what a new password has to be, to be mixed into the settings of the service."""

from typing import Self

from pydantic import Field, FilePath, model_validator

from libs.fetch.settings import FetchSettings
from libs.servicekit.base.settings import PublicUrl, ServiceSettings


class PasswordSettings(FetchSettings, ServiceSettings):
    password_min_score: int = Field(default=2, ge=0, le=4)
    """How hard a new password has to be to guess, as zxcvbn estimates it: 0 accepts anything that is long enough, 4
    only what even a stolen hash does not give away."""
    breached_passwords_url: PublicUrl | None = None
    """A range service that knows stolen passwords, for example https://api.pwnedpasswords.com/range: it hears five
    digits of the SHA-1 of a new password. When it does not answer, the password is accepted and an event says so."""
    breached_passwords_file: FilePath | None = None
    """The same without asking anybody: a file of SHA-1 digests in hexadecimal, one a line, in order."""

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if self.breached_passwords_url and self.breached_passwords_file:
            raise ValueError(
                "LATCHKEY_BREACHED_PASSWORDS_URL and LATCHKEY_BREACHED_PASSWORDS_FILE cannot be set together"
            )
        return self
