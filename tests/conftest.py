"""What tests of every kind share."""

pytest_plugins = ["tests.support.stack", "tests.support.worker_groups"]
