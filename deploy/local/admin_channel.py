"""gRPC channels to the services of a run, with mutual TLS as one of its identities."""

import grpc

from deploy.local.layout import Layout
from libs.servicekit.base.settings import ServiceSettings
from libs.servicekit.grpc.channels import channel


def open_channel(layout: Layout, service: str, *, identity: str = "cli") -> grpc.aio.Channel:
    """Opens a channel to `service` as `identity`; the caller closes it. Calls raise OAuthError."""
    settings = ServiceSettings(
        issuer=layout.issuer,
        tls_ca=layout.home.tls / "ca.pem",
        tls_certificate=layout.home.certificate(identity),
        tls_key=layout.home.key(identity),
    )
    return channel(layout.ports.grpc[service].address, service=service, settings=settings)
