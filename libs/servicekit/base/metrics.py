"""Metrics of all services. Metrics of one service are defined beside its code."""

from prometheus_client import Counter, Gauge, Histogram

RPC_SECONDS = Histogram("latchkey_rpc_seconds", "Time to answer a gRPC call.", ["method"])
HTTP_SECONDS = Histogram("latchkey_http_seconds", "Time to answer an HTTP request.", ["route", "method"])
OAUTH_ERRORS = Counter(
    "latchkey_oauth_errors_total", "OAuth errors by endpoint and reason.", ["endpoint", "error", "reason"]
)
REFUSED_CONNECTIONS = Counter(
    "latchkey_http_refused_connections_total",
    "HTTP connections refused or closed at a connection limit.",
)
LOG_LINES_LOST = Counter(
    "latchkey_log_lines_lost_total", "Log lines that could not be written, for example because the disk is full."
)
CERTIFICATE_DAYS_LEFT = Gauge(
    "latchkey_certificate_days_left", "Days until this service's internal certificate expires; negative afterwards."
)
STREAM_FILL = Gauge("latchkey_stream_fill_ratio", "Stored bytes of a NATS stream by its limit.", ["account", "stream"])
OUTBOX_BACKLOG = Gauge("latchkey_outbox_backlog", "Unpublished events in the outbox.")
OUTBOX_OLDEST_SECONDS = Gauge(
    "latchkey_outbox_oldest_seconds", "Age of the oldest event in the outbox that is not published yet."
)
OUTBOX_SENT = Counter("latchkey_outbox_sent_total", "Events from the outbox that NATS acknowledged.")
TELEMETRY_DROPPED = Counter("latchkey_telemetry_dropped_total", "Token telemetry dropped while NATS was unavailable.")
KEY_VIEW_AGE_SECONDS = Gauge("latchkey_key_view_age_seconds", "Seconds since the signing keys were last refreshed.")
CONSUMED = Counter(
    "latchkey_consumed_total",
    "Events that a durable consumer processed: handled, given_up (after the last attempt) or malformed.",
    ["consumer", "outcome"],
)
