"""What this service does: one public coroutine per file."""
