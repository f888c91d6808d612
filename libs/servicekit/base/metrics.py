"""What all services count. Names are constants here; a service keeps its own beside its code."""

from prometheus_client import Counter, Gauge, Histogram

RPC_SECONDS = Histogram("latchkey_rpc_seconds", "Time to answer a gRPC call.", ["method"])
HTTP_SECONDS = Histogram("latchkey_http_seconds", "Time to answer an HTTP request.", ["route", "method"])
OAUTH_ERRORS = Counter(
    "latchkey_oauth_errors_total", "Refusals by endpoint and reason.", ["endpoint", "error", "reason"]
)
REFUSED_CONNECTIONS = Counter(
    "latchkey_http_refused_connections_total",
    "HTTP connections refused or closed at a connection limit.",
)
CERTIFICATE_DAYS_LEFT = Gauge(
    "latchkey_certificate_days_left", "Days until this service's internal certificate expires; negative afterwards."
)
STREAM_FILL = Gauge("latchkey_stream_fill_ratio", "Stored bytes of a NATS stream by its limit.", ["account", "stream"])
OUTBOX_BACKLOG = Gauge("latchkey_outbox_backlog", "Facts that wait for the bus.")
OUTBOX_OLDEST_SECONDS = Gauge("latchkey_outbox_oldest_seconds", "Age of the oldest fact that waits for the bus.")
OUTBOX_SENT = Counter("latchkey_outbox_sent_total", "Facts that the bus acknowledged.")
TELEMETRY_DROPPED = Counter("latchkey_telemetry_dropped_total", "Token telemetry dropped while the bus was away.")
KEY_VIEW_AGE_SECONDS = Gauge("latchkey_key_view_age_seconds", "Since when this process has not heard of the keys.")
CONSUMED = Counter(
    "latchkey_consumed_total",
    "Facts that a durable consumer took from the stream: handled, given_up (after many tries) or malformed.",
    ["consumer", "outcome"],
)
