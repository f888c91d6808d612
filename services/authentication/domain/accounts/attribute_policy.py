"""Attributes that an operator has added to the standard claims: who writes them, and what a value has to be."""

from collections.abc import Mapping

from libs.oauth.attributes import Attribute, Attributes
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authentication.domain.accounts.claim_policy import ClaimWriter, RefusedClaim


def changed_attributes(
    before: Mapping[str, object], unverified_changes: Mapping[str, object], *, known: Attributes, writer: ClaimWriter
) -> tuple[dict[str, object], list[str]]:
    """The attributes with these changes, None taking one away; and the names of those that are different now.

    Raises:
        InvalidRequest: CLAIM_READ_ONLY.
        RefusedClaim: a value is invalid.
    """
    after = dict(before)
    for name, unverified in unverified_changes.items():
        attribute = known.by_name[name]
        if writer < (ClaimWriter.USER if attribute.writer == "person" else ClaimWriter.OPERATOR):
            raise InvalidRequest(f"The claim {name} is read-only for this caller.", reason=Reason.CLAIM_READ_ONLY)
        if unverified is None:
            after.pop(name, None)
        else:
            after[name] = _checked(attribute, unverified)
    return after, [name for name in unverified_changes if after.get(name) != before.get(name)]


def _checked(attribute: Attribute, unverified: object) -> object:
    whole = isinstance(unverified, float) and unverified.is_integer()
    value = int(unverified) if whole and isinstance(unverified, float) else unverified
    if not attribute.accepts(value):
        refusal = InvalidRequest(
            f"The claim {attribute.name} must be a {attribute.type}.", reason=Reason.CLAIM_MALFORMED
        )
        raise RefusedClaim(attribute.name, refusal)
    return value
