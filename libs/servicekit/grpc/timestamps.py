"""Conversion between datetime and google.protobuf.Timestamp."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def to_timestamp(moment: datetime) -> Timestamp:
    """Return the Timestamp of a timezone-aware datetime."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def to_optional_timestamp(moment: datetime | None) -> Timestamp | None:
    """Return the Timestamp, or None for None: the field stays unset."""
    return None if moment is None else to_timestamp(moment)


def datetime_of(timestamp: Timestamp) -> datetime:
    """Return the datetime in UTC."""
    return timestamp.ToDatetime(tzinfo=UTC)
