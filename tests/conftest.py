"""What tests of every kind share."""

import os

pytest_plugins = ["tests.support.stack", "tests.support.worker_groups"]

# Files of tests are private, as those of a deployment: services refuse secrets that other users can read.
os.umask(0o077)
