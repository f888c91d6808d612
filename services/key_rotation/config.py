"""Configuration of the key-rotation service."""

from pydantic import Field

from libs.servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings, SecretKeyFile


class KeyRotationSettings(GrpcSettings, DatabaseSettings, BusSettings):
    key_encryption_key_file: SecretKeyFile
    """File with the key under which private keys are sealed in the database (32 bytes, base64url)."""
    key_check_seconds: float = Field(default=60, gt=0, le=3600)
    """How often it is made sure that every algorithm has its keys."""
