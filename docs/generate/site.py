"""`make docs-site`: build the documentation site from the Markdown files of the repository.

The pages keep their folders, so relative links work in the repository and on the site. Files that pages link to, such
as images, are copied as well.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PAGES = ROOT / "build" / "site-pages"
_NO_PAGES = (".github/", "docs/generate/")
_LINK = re.compile(r"\]\(([^)#\s]+)")


def main() -> int:
    """Return 0, or 1 if the navigation differs from the pages, a link is broken or the build fails."""
    pages = _markdown_files()
    if different := sorted(set(pages) ^ set(_listed())):
        sys.stderr.write(f"nav in mkdocs.yml must list every page and nothing else: {', '.join(different)}\n")
        return 1
    collect(pages)
    build = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(build, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603 - fixed arguments
    if done.returncode:
        report = done.stderr.partition("Traceback")[0]  # a broken link is reported first, and then raised
        sys.stderr.write(report or done.stdout + done.stderr)
        return 1
    return 0


def collect(pages: Iterable[str]) -> None:
    """Copy the pages and the files that they link to into the folder from which the site is built."""
    shutil.rmtree(_PAGES, ignore_errors=True)
    for page in pages:
        _copy(ROOT / page)
        for file in _linked_files(ROOT / page):
            _copy(file)


def _markdown_files() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S603 - fixed
    return [name for name in listed.splitlines() if not name.startswith(_NO_PAGES) and (ROOT / name).exists()]


def _listed() -> list[str]:
    """The pages in the navigation, which is the last section of mkdocs.yml."""
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:\n")[2]
    return re.findall(r"\S+\.md$", navigation, re.MULTILINE)


def _linked_files(page: Path) -> Iterator[Path]:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        file = (page.parent / target).resolve()
        if file.is_file() and file.suffix != ".md" and file.is_relative_to(ROOT):
            yield file


def _copy(file: Path) -> None:
    target = _PAGES / file.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


if __name__ == "__main__":
    sys.exit(main())
