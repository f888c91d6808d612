"""What each event says, in a sentence for the event feed. An event without words here is shown by its name alone."""

from latchkey_sdk import Event

_WORDS = {
    "login.succeeded": "Somebody proved who they are.",
    "login.failed": "A sign-in was refused.",
    "session.created": "A session began at the server.",
    "session.ended": "A session at the server ended.",
    "account.created": "A person was added.",
    "account.deleted": "A person deleted their account.",
    "account.updated": "Claims of a person changed.",
    "account.email_verified": "A person showed that a mail address is theirs.",
    "account.disabled": "A person may not sign in any more.",
    "login.stepped_up": "Somebody showed a second factor in a session that they had.",
    "factor.added": "A person has a new second factor.",
    "factor.removed": "A second factor was taken away.",
    "recovery_codes.created": "A person has new recovery codes.",
    "password.changed": "A password was changed.",
    "password.unchecked": "A new password could not be looked up among stolen ones.",
    "password.reset_completed": "A forgotten password was replaced.",
    "password.reset_requested": "Somebody forgot a password: a letter is on its way.",
    "consent.granted": "A person allowed an application in.",
    "consent.denied": "A person sent an application away.",
    "consent.withdrawn": "A person took back what an application had.",
    "code.redeemed": "An application traded its code for tokens.",
    "code.replayed": "A code came a second time: what it bought is revoked.",
    "token.issued": "An access token was made.",
    "token.refreshed": "A refresh token bought new tokens.",
    "token.revoked": "Tokens ended before their time.",
    "token.reuse_detected": "A used refresh token came back: its family is revoked.",
    "token.telemetry_gap": "Some token events were lost while NATS was away.",
    "client.created": "An application was registered.",
    "client.updated": "An application was changed.",
    "client.secret_rotated": "An application has a new secret.",
    "client.deleted": "An application was removed.",
    "device.requested": "A device asked to be let in.",
    "device.approved": "A person let a device in.",
    "device.denied": "A person sent a device away.",
    "device.expired": "Nobody answered a device in time.",
    "device.redeemed": "A device collected what it was allowed.",
    "admin.acted": "An operator did something that has no fact of its own.",
    "key.published": "A signing key was announced.",
    "key.activated": "A signing key came into use.",
    "key.retired": "A signing key signs no more.",
    "key.revoked": "A signing key is no longer trusted.",
    "webhook.created": "An operator has events sent somewhere.",
    "webhook.enabled": "Events are sent there again.",
    "webhook.disabled": "Events are sent there no more.",
    "webhook.secret_rotated": "A webhook signs with a new secret.",
    "webhook.deleted": "A webhook was removed.",
    "stream_ticket.created": "An operator lets somebody read events for a while.",
    "stream_ticket.revoked": "A ticket opens no stream any more.",
}

KNOWN = frozenset(_WORDS)


def explain(event: Event) -> str:
    """One sentence, or an empty string."""
    return _WORDS.get(event.name, "")
