"""Deprecated: use `latchkey_sdk.event_types` and `latchkey_sdk.event_data`."""

import warnings

from latchkey_sdk.event_data import EventData
from latchkey_sdk.event_types import *  # noqa: F403
from latchkey_sdk.event_types import EVENT_TYPES

warnings.warn("latchkey_sdk.facts is deprecated: use latchkey_sdk.event_types", DeprecationWarning, stacklevel=2)

Fact = EventData
FACTS = EVENT_TYPES
