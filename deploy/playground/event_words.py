"""One sentence about each event type for the event feed. Other events are shown by their type only."""

from latchkey_sdk import Event

_WORDS = {
    "login.succeeded": "A user signed in.",
    "login.failed": "A sign-in failed.",
    "session.created": "A session started.",
    "session.ended": "A session ended.",
    "account.created": "A user account was created.",
    "account.enabled": "A user account was enabled.",
    "account.deleted": "A user account was deleted.",
    "account.updated": "Claims of a user changed.",
    "account.email_verified": "A user verified an email address.",
    "account.disabled": "A user account was disabled.",
    "login.stepped_up": "A user completed two-step verification in an existing session.",
    "factor.added": "A user added a second factor.",
    "factor.removed": "A second factor was removed.",
    "recovery_codes.created": "A user created new recovery codes.",
    "password.changed": "A password was changed.",
    "password.unchecked": "A new password was not checked against leaked passwords.",
    "password.reset_completed": "A user completed a password reset.",
    "password.reset_requested": "A user requested a password reset; the email is queued.",
    "consent.granted": "A user granted consent to a client.",
    "consent.denied": "A user denied consent to a client.",
    "consent.withdrawn": "A user withdrew the consent for a client.",
    "code.redeemed": "A client redeemed an authorization code.",
    "code.replayed": "A code was replayed; its tokens are revoked.",
    "token.issued": "An access token was issued.",
    "token.refreshed": "A client refreshed its tokens.",
    "token.revoked": "Tokens were revoked.",
    "token.reuse_detected": "A used refresh token was replayed; its token family is revoked.",
    "token.telemetry_gap": "Some token events were lost while NATS was unavailable.",
    "client.created": "A client was registered.",
    "client.updated": "A client was updated.",
    "client.secret_rotated": "A client secret was rotated.",
    "client.deleted": "A client was deleted.",
    "device.requested": "A device requested a user code.",
    "device.approved": "A user approved a device.",
    "device.denied": "A user denied a device.",
    "device.expired": "A user code expired without a decision.",
    "device.redeemed": "A device redeemed its device code for tokens.",
    "admin.acted": "An operator ran an action without an event type of its own.",
    "key.published": "A signing key was published.",
    "key.activated": "A signing key was activated.",
    "key.retired": "A signing key was retired.",
    "key.revoked": "A signing key was revoked.",
    "webhook.created": "A webhook was created.",
    "webhook.enabled": "A webhook was enabled.",
    "webhook.disabled": "A webhook was disabled.",
    "webhook.secret_rotated": "The secret of a webhook was rotated.",
    "webhook.deleted": "A webhook was deleted.",
    "stream_ticket.created": "A stream ticket was created.",
    "stream_ticket.revoked": "A stream ticket was revoked.",
}

KNOWN = frozenset(_WORDS)


def explain(event: Event) -> str:
    """One sentence, or an empty string."""
    return _WORDS.get(event.name, "")
