"""Composes the use cases of the token service from their ports: pure, used by `app` and by the tests."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from libs.oauth.attributes import NO_ATTRIBUTES, Attributes
from libs.oauth.client_metadata import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, PASSWORD, REFRESH_TOKEN
from libs.oauth.registration import RegistrationMode, RegistrationPolicy
from libs.servicekit.base.clock import Clock
from services.token.domain.clients.registrations import RegistrationQuota
from services.token.domain.tokens.audiences import Audiences
from services.token.domain.tokens.dpop import DpopNonces, NonceMode
from services.token.domain.tokens.subjects import Subjects
from services.token.domain.tokens.token_claims import Lifetimes
from services.token.ports.authorization import Devices, PendingRequestLimiter
from services.token.ports.clients import ClientDirectory, Logos, SignedByClients
from services.token.ports.tokens import Accounts, Keys, SignIns, Telemetry, TokenHook
from services.token.ports.work import Begin, View
from services.token.usecases.authorization.advance_authorization import AdvanceAuthorization
from services.token.usecases.authorization.authorize import Authorize
from services.token.usecases.authorization.deny_authorization import DenyAuthorization
from services.token.usecases.authorization.describe_interaction import DescribeInteraction
from services.token.usecases.authorization.export_consents import ExportConsents
from services.token.usecases.authorization.grant_authorization import GrantAuthorization
from services.token.usecases.authorization.list_connections import ListConnections
from services.token.usecases.authorization.push_authorization_request import PushAuthorizationRequest
from services.token.usecases.authorization.read_request_object import FetchRequestObject, ReadRequestObject
from services.token.usecases.authorization.resume_authorization import ResumeAuthorization
from services.token.usecases.authorization.start_device_authorization import StartDeviceAuthorization
from services.token.usecases.authorization.withdraw_consent import WithdrawConsent
from services.token.usecases.clients.authenticate_client import AuthenticateClient
from services.token.usecases.clients.check_sector import CheckSector, FetchSectorDocument
from services.token.usecases.clients.create_client import CreateClient
from services.token.usecases.clients.create_initial_access_token import CreateInitialAccessToken
from services.token.usecases.clients.delete_client import DeleteClient
from services.token.usecases.clients.find_clients import GetClient, ListClients
from services.token.usecases.clients.find_initial_access_tokens import ListInitialAccessTokens, RevokeInitialAccessToken
from services.token.usecases.clients.get_client_logo import GetClientLogo
from services.token.usecases.clients.manage_registration import ChangeRegistration, DeleteRegistration, ReadRegistration
from services.token.usecases.clients.register_client import RegisterClient
from services.token.usecases.clients.rotate_client_secret import RotateClientSecret
from services.token.usecases.clients.sweep_unused_clients import SweepUnusedClients
from services.token.usecases.clients.update_client import UpdateClient
from services.token.usecases.sessions.check_logout import CheckLogout
from services.token.usecases.sessions.deliver_logout import DeliverLogout, Post
from services.token.usecases.sessions.end_session import EndAccount, EndOfflineGrants, EndSession
from services.token.usecases.tokens.get_userinfo import GetUserinfo
from services.token.usecases.tokens.grants.authorization_code import AuthorizationCodeGrant
from services.token.usecases.tokens.grants.client_credentials import ClientCredentials
from services.token.usecases.tokens.grants.device_code import DeviceCodeGrant
from services.token.usecases.tokens.grants.password import PasswordGrant
from services.token.usecases.tokens.grants.refresh_token import RefreshTokenGrant
from services.token.usecases.tokens.introspect_token import IntrospectToken
from services.token.usecases.tokens.issue_tokens import IssueTokens
from services.token.usecases.tokens.list_retired_key_uses import ListRetiredKeyUses
from services.token.usecases.tokens.mint_tokens import MintTokens
from services.token.usecases.tokens.revoke_token import RevokeToken
from services.token.usecases.tokens.user_grants import ListUserGrants, RevokeUserGrants
from services.token.usecases.tokens.verify_proof import VerifyProof


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Implementations of the ports: the store, other services, caches, keys and the clock."""

    begin: Begin
    view: View
    clients: ClientDirectory
    client_keys: SignedByClients
    logos: Logos
    fetch_request_object: FetchRequestObject
    fetch_sector_document: FetchSectorDocument
    post: Post
    accounts: Accounts
    sign_ins: SignIns
    devices: Devices
    keys: Keys
    hook: TokenHook
    telemetry: Telemetry
    pending_request_limiter: PendingRequestLimiter
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Options:
    """Values from the settings.

    Args:
        assertion_audiences: values that `aud` of a client assertion may have.
        peppers: keys of client secret hashes; the first one is used for new hashes.
        chain_keys: keys of refresh token chains; the first one is used for new tokens.
        dpop_nonce_keys: keys of DPoP nonces; the first one is used for new nonces.
    """

    issuer: str
    audiences: Audiences
    assertion_audiences: Collection[str]
    subjects: Subjects
    lifetimes: Lifetimes
    access_token_alg: str
    peppers: Sequence[bytes]
    chain_keys: Sequence[bytes]
    dpop_nonce_keys: Sequence[bytes]
    dpop_nonce: NonceMode
    registration: RegistrationMode
    registration_policy: RegistrationPolicy
    registration_quota: RegistrationQuota
    attributes: Attributes = NO_ATTRIBUTES


@dataclass(frozen=True, kw_only=True)
class UseCases:
    authorize: Authorize
    resume: ResumeAuthorization
    deny: DenyAuthorization
    describe: DescribeInteraction
    push: PushAuthorizationRequest
    read_request_object: ReadRequestObject
    start_device_authorization: StartDeviceAuthorization
    list_connections: ListConnections
    withdraw_consent: WithdrawConsent
    export_consents: ExportConsents
    list_user_grants: ListUserGrants
    revoke_user_grants: RevokeUserGrants
    create_client: CreateClient
    get_client: GetClient
    list_clients: ListClients
    update_client: UpdateClient
    rotate_secret: RotateClientSecret
    delete_client: DeleteClient
    get_logo: GetClientLogo
    sweep_unused_clients: SweepUnusedClients
    create_initial_token: CreateInitialAccessToken
    list_initial_tokens: ListInitialAccessTokens
    revoke_initial_token: RevokeInitialAccessToken
    register_client: RegisterClient
    read_registration: ReadRegistration
    change_registration: ChangeRegistration
    delete_registration: DeleteRegistration
    issue_tokens: IssueTokens
    revoke_token: RevokeToken
    introspect_token: IntrospectToken
    get_userinfo: GetUserinfo
    list_retired_key_uses: ListRetiredKeyUses
    check_logout: CheckLogout
    deliver_logout: DeliverLogout
    end_session: EndSession
    end_account: EndAccount
    end_offline_grants: EndOfflineGrants


def compose(ports: Ports, options: Options) -> UseCases:
    """Return all use cases."""
    begin, view, clock, clients, keys = ports.begin, ports.view, ports.clock, ports.clients, ports.keys
    issuer, lifetimes, subjects, pepper = options.issuer, options.lifetimes, options.subjects, options.peppers[0]
    mint = MintTokens(
        issuer=issuer,
        keys=keys,
        subjects=subjects,
        access_token_alg=options.access_token_alg,
        id_token_lifetime=lifetimes.id_token,
    )
    advance = AdvanceAuthorization(
        grant=GrantAuthorization(mint, audiences=options.audiences, lifetimes=lifetimes),
        issuer=issuer,
        clients=clients,
        accounts=ports.accounts,
        keys=keys,
        subjects=subjects,
        hook=ports.hook,
        attributes=options.attributes,
    )
    read_request_object = ReadRequestObject(issuer=issuer, signed=ports.client_keys, fetch=ports.fetch_request_object)
    authenticate = AuthenticateClient(
        begin,
        clients=clients,
        signed=ports.client_keys,
        peppers=options.peppers,
        issuer=issuer,
        audiences=options.assertion_audiences,
    )
    proofs = VerifyProof(begin=begin, nonces=DpopNonces(options.dpop_nonce_keys), nonce_mode=options.dpop_nonce)
    check_sector = CheckSector(fetch=ports.fetch_sector_document, subjects=subjects)
    create_client = CreateClient(begin=begin, check_sector=check_sector, pepper=pepper, clock=clock)
    update_client = UpdateClient(
        begin=begin, view=view, check_sector=check_sector, pepper=pepper, directory=clients, clock=clock
    )
    delete_client = DeleteClient(begin=begin, directory=clients, clock=clock)
    chain_key = options.chain_keys[0]
    return UseCases(
        authorize=Authorize(
            begin=begin,
            view=view,
            advance=advance,
            read_request_object=read_request_object,
            pending_request_limiter=ports.pending_request_limiter,
            clock=clock,
        ),
        resume=ResumeAuthorization(begin=begin, view=view, advance=advance, clock=clock),
        deny=DenyAuthorization(begin=begin, advance=advance, clock=clock),
        describe=DescribeInteraction(view=view, advance=advance, clock=clock),
        push=PushAuthorizationRequest(
            begin=begin,
            authenticate=authenticate,
            proofs=proofs,
            read_request_object=read_request_object,
            pending_request_limiter=ports.pending_request_limiter,
            clock=clock,
        ),
        read_request_object=read_request_object,
        start_device_authorization=StartDeviceAuthorization(
            issuer=issuer, authenticate=authenticate, devices=ports.devices, clock=clock
        ),
        list_connections=ListConnections(view=view, clients=clients, clock=clock),
        withdraw_consent=WithdrawConsent(begin=begin, clock=clock),
        export_consents=ExportConsents(view=view, clients=clients),
        list_user_grants=ListUserGrants(view=view, clients=clients, clock=clock),
        revoke_user_grants=RevokeUserGrants(begin=begin, clock=clock),
        create_client=create_client,
        get_client=GetClient(view=view),
        list_clients=ListClients(view=view),
        update_client=update_client,
        rotate_secret=RotateClientSecret(begin=begin, pepper=pepper, directory=clients, clock=clock),
        delete_client=delete_client,
        get_logo=GetClientLogo(clients=clients, logos=ports.logos),
        sweep_unused_clients=SweepUnusedClients(begin=begin, directory=clients, clock=clock),
        create_initial_token=CreateInitialAccessToken(begin=begin, mode=options.registration, clock=clock),
        list_initial_tokens=ListInitialAccessTokens(view=view, clock=clock),
        revoke_initial_token=RevokeInitialAccessToken(begin=begin),
        register_client=RegisterClient(
            begin=begin,
            view=view,
            create=create_client,
            mode=options.registration,
            policy=options.registration_policy,
            quota=options.registration_quota,
            lifetime=lifetimes.registration,
            clock=clock,
        ),
        read_registration=ReadRegistration(view=view),
        change_registration=ChangeRegistration(
            begin,
            view,
            update_client,
            policy=options.registration_policy,
            peppers=options.peppers,
            directory=clients,
            clock=clock,
        ),
        delete_registration=DeleteRegistration(view, delete_client),
        issue_tokens=IssueTokens(
            grants={
                AUTHORIZATION_CODE: AuthorizationCodeGrant(
                    begin=begin, view=view, chain_key=chain_key, lifetimes=lifetimes
                ),
                REFRESH_TOKEN: RefreshTokenGrant(begin, view, chain_keys=options.chain_keys, lifetimes=lifetimes),
                CLIENT_CREDENTIALS: ClientCredentials(telemetry=ports.telemetry),
                DEVICE_CODE: DeviceCodeGrant(
                    begin=begin, devices=ports.devices, chain_key=chain_key, lifetimes=lifetimes, clock=clock
                ),
                PASSWORD: PasswordGrant(
                    begin=begin, view=view, sign_ins=ports.sign_ins, chain_key=chain_key, lifetimes=lifetimes
                ),
            },
            audiences=options.audiences,
            authenticate=authenticate,
            proofs=proofs,
            accounts=ports.accounts,
            hook=ports.hook,
            mint=mint,
            lifetimes=lifetimes,
            clock=clock,
            attributes=options.attributes,
        ),
        revoke_token=RevokeToken(
            begin=begin,
            issuer=issuer,
            authenticate=authenticate,
            keys=keys,
            chain_keys=options.chain_keys,
            lifetimes=lifetimes,
            clock=clock,
        ),
        introspect_token=IntrospectToken(
            view=view,
            issuer=issuer,
            authenticate=authenticate,
            keys=keys,
            subjects=subjects,
            mint=mint,
            chain_keys=options.chain_keys,
            lifetimes=lifetimes,
            clock=clock,
        ),
        get_userinfo=GetUserinfo(
            view=view,
            audiences=options.audiences,
            accounts=ports.accounts,
            clients=clients,
            keys=keys,
            subjects=subjects,
            mint=mint,
            proofs=proofs,
            clock=clock,
            attributes=options.attributes,
        ),
        list_retired_key_uses=ListRetiredKeyUses(view=view),
        check_logout=CheckLogout(view=view, issuer=issuer, clients=clients, keys=keys, subjects=subjects, clock=clock),
        deliver_logout=DeliverLogout(begin=begin, mint=mint, post=ports.post, clients=clients, clock=clock),
        end_session=EndSession(begin=begin, clock=clock),
        end_account=EndAccount(begin=begin, clock=clock),
        end_offline_grants=EndOfflineGrants(begin=begin, clock=clock),
    )
