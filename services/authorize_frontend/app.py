"""Composition root of authorize-frontend."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from latchkey.authentication.v1.addresses_pb2_grpc import AddressServiceStub
from latchkey.authentication.v1.factors_pb2_grpc import FactorServiceStub, ProofServiceStub
from latchkey.authentication.v1.offers_pb2_grpc import OfferServiceStub
from latchkey.authentication.v1.password_resets_pb2_grpc import PasswordResetServiceStub
from latchkey.authentication.v1.profile_pb2_grpc import ProfileServiceStub
from latchkey.authentication.v1.sessions_pb2_grpc import SessionServiceStub
from latchkey.authentication.v1.sign_ups_pb2_grpc import SignUpServiceStub
from latchkey.device.v1.device_pb2_grpc import DeviceServiceStub
from latchkey.keys.v1.keys_pb2_grpc import VerificationKeyServiceStub
from latchkey.token.v1.authorization_pb2_grpc import AuthorizationServiceStub
from latchkey.token.v1.consents_pb2_grpc import ConsentServiceStub
from libs.servicekit.base.clock import SystemClock
from libs.servicekit.base.service import Service
from libs.servicekit.grpc.channels import channel
from libs.servicekit.nats.bus import Bus
from services.authorize_frontend.backends import Backends
from services.authorize_frontend.brand import Brand
from services.authorize_frontend.capabilities import Capabilities
from services.authorize_frontend.config import AuthorizeFrontendSettings
from services.authorize_frontend.http.application import application
from services.authorize_frontend.http.shared.assets import Assets
from services.authorize_frontend.http.shared.cookies import Cookies
from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.pages import Pages
from services.authorize_frontend.published_keys import PublishedKeys
from services.authorize_frontend.site import Site

KEY_EVENTS = "latchkey.v1.key.>"


@asynccontextmanager
async def build(settings: AuthorizeFrontendSettings) -> AsyncIterator[Service]:
    """Connects the backends and the event bus, and builds the HTTP application."""
    async with AsyncExitStack() as stack:
        token, authentication, device, key_rotation = [
            await stack.enter_async_context(channel(target, service=service, settings=settings))
            for target, service in (
                (settings.token_target, "token"),
                (settings.authentication_target, "authentication"),
                (settings.device_target, "device"),
                (settings.key_rotation_target, "key-rotation"),
            )
        ]
        backends = Backends(
            authorization=AuthorizationServiceStub(token),
            consents=ConsentServiceStub(token),
            sessions=SessionServiceStub(authentication),
            proofs=ProofServiceStub(authentication),
            factors=FactorServiceStub(authentication),
            capabilities=OfferServiceStub(authentication),
            addresses=AddressServiceStub(authentication),
            sign_ups=SignUpServiceStub(authentication),
            password_resets=PasswordResetServiceStub(authentication),
            profiles=ProfileServiceStub(authentication),
            device=DeviceServiceStub(device),
            keys=VerificationKeyServiceStub(key_rotation),
        )
        capabilities = Capabilities(backends.capabilities)
        keys = PublishedKeys(backends.keys, clock=SystemClock())
        bus = Bus(settings, service="authorize-frontend", publishes=False)
        bus.follow(KEY_EVENTS, keys.on_event)
        yield Service(
            edge=edge_application(settings, backends, keys, capabilities),
            tasks={"bus": bus.run, "published keys": keys.run, "offers": capabilities.run},
            checks={"keys": keys.check, "bus": bus.check},
        )


def site_of(settings: AuthorizeFrontendSettings) -> Site:
    registration = settings.registration != "closed"
    return Site(
        issuer=settings.issuer,
        client_edge=settings.client_edge_url,
        brand=settings.brand_name,
        registration=registration,
        attributes=settings.attributes_file,
        registration_scopes=settings.more_registration_scopes if registration else (),
    )


def edge_application(
    settings: AuthorizeFrontendSettings, backends: Backends, keys: PublishedKeys, capabilities: Capabilities
) -> web.Application:
    """Builds the HTTP application for the given backends."""
    site = site_of(settings)
    brand = Brand.of(
        accent=settings.brand_accent or "",
        accent_dark=settings.brand_accent_dark or "",
        logo=settings.brand_logo,
        support=settings.brand_support_url or "",
        policy=settings.brand_policy_url or "",
        terms=settings.brand_terms_url or "",
    )
    assets = Assets(site, brand)
    edge = Edge(
        site=site,
        backends=backends,
        cookies=Cookies(secure=site.secure),
        pages=Pages(site, assets, brand, capabilities),
        capabilities=capabilities,
        trusted_proxies=settings.trusted_proxies,
    )
    return application(edge, assets=assets, keys=keys)
