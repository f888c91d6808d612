"""The gRPC stubs of the services that this one calls."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latchkey.authentication.v1.addresses_pb2_grpc import AddressServiceAsyncStub
    from latchkey.authentication.v1.factors_pb2_grpc import FactorServiceAsyncStub, ProofServiceAsyncStub
    from latchkey.authentication.v1.offers_pb2_grpc import OfferServiceAsyncStub
    from latchkey.authentication.v1.password_resets_pb2_grpc import PasswordResetServiceAsyncStub
    from latchkey.authentication.v1.profile_pb2_grpc import ProfileServiceAsyncStub
    from latchkey.authentication.v1.sessions_pb2_grpc import SessionServiceAsyncStub
    from latchkey.authentication.v1.sign_ups_pb2_grpc import SignUpServiceAsyncStub
    from latchkey.device.v1.device_pb2_grpc import DeviceServiceAsyncStub
    from latchkey.keys.v1.keys_pb2_grpc import VerificationKeyServiceAsyncStub
    from latchkey.token.v1.authorization_pb2_grpc import AuthorizationServiceAsyncStub
    from latchkey.token.v1.consents_pb2_grpc import ConsentServiceAsyncStub


@dataclass(frozen=True)
class Backends:
    """Calls raise OAuthError: see libs/servicekit/grpc/channels.py."""

    authorization: "AuthorizationServiceAsyncStub"
    consents: "ConsentServiceAsyncStub"
    sessions: "SessionServiceAsyncStub"
    proofs: "ProofServiceAsyncStub"
    factors: "FactorServiceAsyncStub"
    capabilities: "OfferServiceAsyncStub"
    addresses: "AddressServiceAsyncStub"
    sign_ups: "SignUpServiceAsyncStub"
    password_resets: "PasswordResetServiceAsyncStub"
    profiles: "ProfileServiceAsyncStub"
    device: "DeviceServiceAsyncStub"
    keys: "VerificationKeyServiceAsyncStub"
