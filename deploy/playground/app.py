"""The playground's web application: routes, middleware and background tasks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

from aiohttp import web

from deploy.playground import flow_advice, mailbox
from deploy.playground.config import Playground
from deploy.playground.event_feed import EventFeed
from deploy.playground.feed_stream import FeedStream
from deploy.playground.flow_views import FlowViews
from deploy.playground.flows import FLOWS
from deploy.playground.flows.flow import ResponseMode
from deploy.playground.pages import ASSETS, Pages
from deploy.playground.policy import own_address_only, own_pages_only, standard_headers
from deploy.playground.sessions import Sessions

_log = logging.getLogger(__name__)


def make_app(playground: Playground, feed: EventFeed, now: Callable[[], datetime]) -> web.Application:
    """Create the application; it subscribes to the event streams while it runs."""
    pages = Pages(playground, FLOWS, feed)
    views = FlowViews(playground, FLOWS, Sessions(), pages, now)
    form_posts = {path for path, mode in views.returns.items() if mode is ResponseMode.FORM_POST}
    emails = mailbox.Mailbox(playground.mail_port, now=now)
    advice = flow_advice.FlowAdvice(pages, issuer=playground.issuer, client_edge=playground.client_edge)
    app = web.Application(
        middlewares=[own_address_only(playground.address), own_pages_only(playground.address, but=form_posts)]
    )
    app.on_response_prepare.append(standard_headers(playground.issuer))
    app.add_routes(
        [
            web.get("/livez", _ready),
            web.get("/readyz", _ready),
            web.get("/feed", FeedStream(feed, pages).serve),
            web.get(flow_advice.PATH, advice.ask),
            web.get(mailbox.PATH, mailbox.MailPage(pages, emails).show),
            *views.routes(),
            *(web.get(f"/assets/{name}", asset) for name, asset in ASSETS.items()),
        ]
    )
    app.cleanup_ctx.append(_following(feed))
    app.cleanup_ctx.append(emails.serve)
    app.on_shutdown.append(_closing(feed))
    return app


def _following(feed: EventFeed) -> Callable[[web.Application], AsyncIterator[None]]:
    async def follow(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(feed.follow())
        task.add_done_callback(_log_end)
        yield
        task.cancel()
        await asyncio.wait({task})

    return follow


def _log_end(task: asyncio.Task[None]) -> None:
    """Log an unexpected end of the feed: the page then gets no more events."""
    if not task.cancelled() and (error := task.exception()):
        _log.error("The event feed ended: %r", error)


def _closing(feed: EventFeed) -> Callable[[web.Application], Awaitable[None]]:
    async def close(_app: web.Application) -> None:
        feed.close()

    return close


async def _ready(_request: web.Request) -> web.Response:
    return web.json_response({"service": "playground", "ready": True, "checks": {}})
