"""The internal certificate of a service: renewed without a restart, and not ready when it has expired."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from deploy.provision import ca
from libs.servicekit.base.settings import ServiceSettings
from libs.servicekit.grpc.certificates import CHECK_SECONDS, CertificateCheck, CertificateFiles

NOW = datetime.now(UTC)


@dataclass
class Times:
    seconds: float = 0.0
    moment: datetime = NOW

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    ca.ensure_certificates(tmp_path, ["token"], now=NOW)
    return ServiceSettings(
        issuer="https://issuer.example",
        tls_ca=tmp_path / "ca.pem",
        tls_certificate=tmp_path / "token.pem",
        tls_key=tmp_path / "token.key",
    )


def renew(settings: ServiceSettings) -> None:
    settings.tls_certificate.unlink()
    ca.ensure_certificates(settings.tls_ca.parent, ["token"], now=NOW + timedelta(days=1))


def test_renewed_certificate_is_used_after_the_next_check(settings: ServiceSettings, times: Times):
    files = CertificateFiles(settings, monotonic=times.monotonic)
    first = files.current
    renew(settings)
    assert files.current is first
    times.seconds = CHECK_SECONDS
    assert files.current.not_after > first.not_after


def test_current_certificate_stays_while_the_new_files_do_not_belong_together(settings: ServiceSettings, times: Times):
    files = CertificateFiles(settings, monotonic=times.monotonic)
    first = files.current
    key = settings.tls_key.read_bytes()
    renew(settings)
    renewed_key = settings.tls_key.read_bytes()
    settings.tls_key.write_bytes(key)
    times.seconds = CHECK_SECONDS
    assert files.current is first
    settings.tls_key.write_bytes(renewed_key)
    times.seconds += CHECK_SECONDS
    assert files.current is not first


def test_current_certificate_stays_while_a_file_is_missing(settings: ServiceSettings, times: Times):
    files = CertificateFiles(settings, monotonic=times.monotonic)
    first = files.current
    os.unlink(settings.tls_key)  # noqa: PTH108 - as a deployment tool would
    times.seconds = CHECK_SECONDS
    assert files.current is first


async def test_expired_certificate_makes_the_service_not_ready(settings: ServiceSettings, times: Times):
    check = CertificateCheck(CertificateFiles(settings, monotonic=times.monotonic), clock=times)
    assert (await check.check()).ok
    times.moment = NOW + ca.LEAF_LIFE - timedelta(days=13)
    near = await check.check()
    assert near.ok
    assert "expires at" in near.detail
    assert 12 < (REGISTRY.get_sample_value("latchkey_certificate_days_left") or 0) <= 13
    times.moment = NOW + ca.LEAF_LIFE + timedelta(seconds=1)
    expired = await check.check()
    assert not expired.ok
    assert expired.required
    assert "LATCHKEY_TLS_CERTIFICATE" in expired.detail
