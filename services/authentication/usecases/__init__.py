"""What this service does: one public coroutine per file, each load, judge, save, tell."""
