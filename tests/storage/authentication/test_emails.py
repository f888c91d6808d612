"""Emails: queued with their change, sent by one replica, deleted later."""

import asyncio
from datetime import timedelta

import pytest

from services.authentication.adapters.email_deliveries import EmailDeliveries
from services.authentication.domain.email.emails import KEEP, LEASE, Email, EmailKind
from services.authentication.ports.email import MailRefusedError
from services.authentication.usecases.email.send_email import SendEmail
from tests.storage.authentication.world import NOON, World

ADDRESS = "alice@example.com"
OUT_OF_ORDER = MailRefusedError("451", for_good=False)


async def post(world: World, user_id: str, kind: EmailKind = EmailKind.FACTOR_ADDED, **words: str) -> str:
    async with world.work() as work:
        email = Email(kind=kind, user_id=user_id, words={"factor": "totp", **words})
        return await work.emails.post(email, now=world.clock.now())


async def test_email_is_sent_to_the_address_of_the_account(world: World) -> None:
    alice = await world.user("alice", name="Alice Example", email=ADDRESS)
    await post(world, alice.id)
    (mail,) = await world.mails()
    assert mail.address == ADDRESS
    assert mail.subject == "Two-step verification was added to your account · Example"
    assert "Hello Alice Example" in mail.text
    assert "An authenticator app was added to your account alice on 4 May 2026, 12:00 UTC" in mail.text
    (row,) = await world.emails()
    assert (row.outcome, row.address, row.words, row.due_at) == ("sent", "", {}, None)


@pytest.mark.parametrize("claims", [{}, {"email": "not,quite@example.com"}, {"email": "<script>@example.com"}])
async def test_who_has_no_address_that_can_be_written_to_gets_none(world: World, claims: dict[str, str]) -> None:
    alice = await world.user("alice", **claims)
    assert not await post(world, alice.id)
    assert not await world.emails()


async def test_email_is_queued_only_if_its_transaction_commits(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)

    async def change_of_mind() -> None:
        async with world.work() as work:
            await work.emails.post(Email(kind=EmailKind.FACTOR_REMOVED, user_id=alice.id), now=NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change_of_mind()
    assert not await world.emails()


async def test_refused_email_is_retried_and_then_given_up(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)
    await post(world, alice.id)
    world.mailer.refusals = [OUT_OF_ORDER] * 1_000
    tries = 0
    while (row := (await world.emails())[0]).due_at is not None:
        world.clock.moment = max(world.clock.moment, row.due_at)
        await world.mails()
        tries += 1
    assert row.outcome == "given_up"
    assert 20 < tries < 40
    assert row.address == ""


async def test_email_is_sent_once_when_mail_server_recovers(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)
    await post(world, alice.id)
    world.mailer.refusals = [OUT_OF_ORDER]
    assert not await world.mails()
    world.clock.move(timedelta(seconds=9))
    assert not await world.mails()
    world.clock.move(timedelta(seconds=1))
    assert len(await world.mails()) == 1
    world.clock.move(timedelta(days=1))
    assert len(await world.mails()) == 1


async def test_a_receiver_that_is_not_there_is_not_tried_again(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)
    await post(world, alice.id)
    world.mailer.refusals = [MailRefusedError("550", for_good=True)]
    assert not await world.mails()
    assert [row.outcome for row in await world.emails()] == ["refused"]


async def test_email_is_sent_once_when_several_replicas_run(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)
    for _ in range(12):
        await post(world, alice.id)
    replicas = [EmailDeliveries(world.send_email) for _ in range(4)]
    for _ in range(3):
        await asyncio.gather(*(replica.step() for replica in replicas))
    assert len(world.mailer.mails) == 12
    assert len({mail.letter_id for mail in world.mailer.mails}) == 12


async def test_what_a_replica_died_over_is_sent_by_another(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)
    await post(world, alice.id)
    (lost,) = await world.send_email.claim(limit=1)
    assert not await world.mails()
    world.clock.move(LEASE)
    assert len(await world.mails()) == 1
    await world.send_email(lost)  # it was only slow, and comes back: what the other one wrote stays
    assert [row.outcome for row in await world.emails()] == ["sent"]


async def test_email_is_not_sent_when_account_was_disabled_meanwhile(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)
    await post(world, alice.id)
    await world.disable_user("alice", operator="cli")
    assert not await world.mails()
    assert [row.outcome for row in await world.emails()] == ["nobody"]


async def test_emails_are_dropped_when_no_mail_server_is_configured(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)
    await post(world, alice.id)
    send = SendEmail(
        work=world.work,
        compose=world.send_email._compose,
        mailer=None,
        issuer="https://issuer.example",
        clock=world.clock,
    )
    assert await EmailDeliveries(send).step()
    assert [(row.outcome, row.address) for row in await world.emails()] == [("no_mail", "")]


async def test_emails_are_deleted_after_retention_time(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS)
    await post(world, alice.id)
    await world.mails()
    world.clock.move(KEEP - timedelta(seconds=1))
    await world.sweep_emails()
    assert await world.emails()
    world.clock.move(timedelta(seconds=1))
    assert not await world.sweep_emails()
    assert not await world.emails()


async def test_display_name_cannot_inject_text_into_an_email(world: World) -> None:
    alice = await world.user("alice", email=ADDRESS, name="<b>Alice</b> {{ brand }} & Co")
    await post(world, alice.id, EmailKind.FACTOR_ADDED, factor="passkey", name="a\n\nb\r\nBcc: eve@example.com")
    (mail,) = await world.mails()
    assert "Hello <b>Alice</b> {{ brand }} & Co," in mail.text
    assert "The passkey “a b Bcc: eve@example.com” was added" in mail.text
    assert "&lt;b&gt;Alice&lt;/b&gt; {{ brand }} &amp; Co" in mail.html
    assert "<b>" not in mail.html
