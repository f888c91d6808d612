"""Runs Apache with mod_auth_openidc, a web server that signs users in by configuration."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx2

from tests.support.browser import Browser, Page

_MODULES = Path("/usr/lib/apache2/modules")
_NEEDED = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "headers", "auth_openidc")
_CONFIGURATION = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog {folder}/error.log
DocumentRoot {folder}/pages
DirectoryIndex index.html
{modules}
{user}
{directives}
"""


def reason_for_no_apache() -> str:
    """Why Apache cannot run on this machine; empty when it can."""
    if shutil.which("apache2") is None:
        return "there is no apache2 on this machine: install Debian's libapache2-mod-auth-openidc"
    missing = [name for name in _NEEDED if not (_MODULES / f"mod_{name}.so").exists()]
    return f"Apache on this machine has no {', '.join(missing)}" if missing else ""


@dataclass
class Apache:
    """A running Apache and an HTTP client, which keeps cookies and does not follow redirects."""

    url: str
    folder: Path
    client: httpx2.AsyncClient

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def get(self, url: str, **headers: str) -> httpx2.Response:
        return await self.client.get(url, headers={"Accept": "text/html", **headers})

    async def signed_in(self, browser: Browser, path: str) -> httpx2.Response:
        """The page at `path`, after sign-in at the authorization server."""
        page = await self.to_the_server_and_back(browser, await self.get(path))
        answer = await self.get(page.url)
        assert answer.status_code == 302, self.log
        return await self.get(answer.headers["location"])

    async def to_the_server_and_back(self, browser: Browser, sent_away: httpx2.Response) -> Page:
        assert sent_away.status_code == 302, self.log
        await browser.open(sent_away.headers["location"])
        page = await browser.sign_in()
        assert page.url.startswith(self.url), page.text
        return page

    @property
    def log(self) -> str:
        return (self.folder / "error.log").read_text(errors="replace")[-3000:]


@contextmanager
def running(folder: Path, *, port: int, directives: Mapping[str, str], locations: str) -> Iterator[Apache]:
    """Runs Apache with `directives` of mod_auth_openidc and <Location> sections."""
    pages = folder / "pages"
    (pages / "protected").mkdir(parents=True)
    (pages / "protected" / "index.html").write_text("a protected page")
    text = "\n".join([*(f'{name} "{value}"' for name, value in directives.items()), locations])
    modules = "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _NEEDED)
    (folder / "apache.conf").write_text(
        _CONFIGURATION.format(folder=folder, port=port, modules=modules, user=_user(folder), directives=text)
    )
    command = ["apache2", "-d", str(folder), "-f", str(folder / "apache.conf")]
    subprocess.run([*command, "-t"], check=True)  # prints configuration errors
    command += ["-D", "FOREGROUND"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        url = f"http://localhost:{port}"
        try:
            yield Apache(url, folder, httpx2.AsyncClient(base_url=url, timeout=20))
        finally:
            server.terminate()


def _user(folder: Path) -> str:
    """Directives for the user that Apache changes to when root starts it."""
    if os.getuid() != 0:
        return ""
    user = pwd.getpwnam("www-data")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    return "User www-data\nGroup www-data"


def listens(port: int) -> bool:
    """Whether a server listens on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
