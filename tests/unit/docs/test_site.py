"""The pages from which the documentation site is built. `make check` builds the site itself."""

import subprocess

import pytest

from docs.generate import site


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setattr(site, "_PAGES", tmp_path / "build" / "site-pages")
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("[guide](docs/guide.md) ![page](page.png) [gone](gone.png)\n", encoding="utf-8")
    (tmp_path / "docs" / "guide.md").write_text(
        "[license](../LICENSE) [site](https://example.com/a.png)\n", encoding="utf-8"
    )
    (tmp_path / "page.png").write_bytes(b"png")
    (tmp_path / "LICENSE").write_text("text", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def test_site_build_fails_when_the_navigation_differs_from_the_pages(repository, capsys):
    (repository / "mkdocs.yml").write_text("nav:\n  - README.md\n  - Old: docs/old.md\n", encoding="utf-8")
    assert site.main() == 1
    error = "nav in mkdocs.yml must list every page and nothing else: docs/guide.md, docs/old.md\n"
    assert capsys.readouterr().err == error


def test_collect_copies_pages_with_their_folders_and_linked_files(repository):
    site.collect(["README.md", "docs/guide.md"])
    pages = repository / "build" / "site-pages"
    copied = {file.relative_to(pages).as_posix() for file in pages.rglob("*") if file.is_file()}
    assert copied == {"README.md", "docs/guide.md", "page.png", "LICENSE"}
