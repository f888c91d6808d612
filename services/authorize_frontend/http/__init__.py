"""HTTP, one file per area. Pages are plain forms on distinct paths and need no JavaScript."""
