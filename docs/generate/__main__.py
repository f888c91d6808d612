"""`.venv/bin/python docs/generate` writes the generated pages; with --check it changes nothing and fails on drift."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])  # the import path is the file path, here as elsewhere

from docs.generate.pages import main  # noqa: E402 - see above

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
