"""The operator's branding: on every page, and refused with low contrast or active content."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from services.authorize_frontend.brand import DarkAccent, LightAccent, Link, LinkOrAddress, LogoFile
from services.authorize_frontend.colours import BLACK, DARK, LIGHT, MIN_CONTRAST, WHITE, Colour, lightened, variables

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path id="p" d="M0 0"/><use href="#p"/></svg>'


def taken(kind, value) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


def test_contrast_follows_wcag():
    assert WHITE.contrast(BLACK) == pytest.approx(21)
    assert Colour.of("#777777").contrast(WHITE) == pytest.approx(4.48, abs=0.005)
    assert Colour.of("#ff0000").contrast(WHITE) == pytest.approx(4.0, abs=0.005)


@pytest.mark.parametrize(
    ("kind", "colour", "fine"),
    [
        (LightAccent, "#12595f", True),
        (LightAccent, "#0B5FFF", True),
        (LightAccent, "#86d3ca", False),
        (LightAccent, "#ffcc00", False),
        (DarkAccent, "#86d3ca", True),
        (DarkAccent, "#ffcc00", True),
        (DarkAccent, "#12595f", False),
        (LightAccent, "red", False),
        (LightAccent, "#abc", False),
        (LightAccent, "#12595f;}*{x:url(//evil)", False),
        (LightAccent, "", True),
    ],
)
def test_accent_is_refused_when_its_contrast_is_too_low(kind, colour, fine):
    assert taken(kind, colour) is fine


@pytest.mark.parametrize("accent", ["#12595f", "#000000", "#5b21b6", "#a3262f", "#0b5fff"])
def test_dark_accent_is_derived_from_the_light_one(accent):
    light, dark = variables(Colour.of(accent), LIGHT), variables(lightened(Colour.of(accent)), DARK)
    for colours in (light, dark):
        assert colours["on-accent"].contrast(colours["accent"]) >= MIN_CONTRAST
        assert colours["accent"].contrast(colours["tint"]) >= MIN_CONTRAST


@pytest.mark.s(44)
@pytest.mark.parametrize(
    "url",
    ["http://a.example", "javascript:alert(1)", "//a.example", "https://u:p@a.example", "https://", "x", "https://a b"],
)
def test_brand_link_must_be_https(url):
    assert not taken(Link, url)
    assert not taken(LinkOrAddress, url)


def test_support_link_may_be_mailto():
    assert taken(LinkOrAddress, "mailto:help@example.com")
    assert not taken(Link, "mailto:help@example.com")
    assert not taken(LinkOrAddress, "mailto:help@example.com?body=x")


@pytest.mark.s(44)
@pytest.mark.parametrize(
    "content",
    [
        "",
        "plain text",
        "<html xmlns='http://www.w3.org/1999/xhtml'/>",
        SVG.replace("<path", "<script>alert(1)</script><path"),
        SVG.replace("<path", "<path onload='alert(1)'"),
        SVG.replace("<path", "<a href='javascript:alert(1)'/><path"),
        SVG.replace("<path", "<image href='https://evil.example/x.png'/><path"),
        SVG.replace("<path", "<foreignObject/><path"),
        SVG.replace("<path", "<style>@import url(https://evil.example)</style><path"),
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + SVG,
        " " * 128 * 1024 + SVG,
    ],
)
def test_logo_with_active_content_is_refused(tmp_path: Path, content):
    file = tmp_path / "logo"
    file.write_text(content)
    assert not taken(LogoFile, file)


@pytest.fixture
def extra_settings(tmp_path: Path):
    (tmp_path / "logo.svg").write_text(SVG)
    return {
        "brand_name": "Börse & Söhne",
        "brand_accent": "#5b21b6",
        "brand_logo": tmp_path / "logo.svg",
        "brand_support_url": "mailto:help@example.com",
        "brand_policy_url": "https://example.com/privacy?a=1&b=2",
        "brand_terms_url": "https://example.com/terms",
    }


async def test_brand_is_on_the_page(browser):
    html = (await browser.get("/")).html
    [picture] = [image["src"] for image in html.all("img")]
    logo = await browser.get(picture)
    assert (logo.headers["Content-Type"], logo.text) == ("image/svg+xml; charset=utf-8", SVG)
    assert "default-src 'none'" in logo.headers["Content-Security-Policy"]
    sheets = [link["href"] for link in html.all("link") if link["rel"] == "stylesheet"]
    sheet = await browser.get(sheets[-1])
    assert "--accent: #5b21b6;" in sheet.text
    assert "prefers-color-scheme: dark" in sheet.text
    links = {link["id"]: link["href"] for link in html.all("a") if link["id"].startswith("house-")}
    assert links == {
        "house-support": "mailto:help@example.com",
        "house-policy": "https://example.com/privacy?a=1&b=2",
        "house-terms": "https://example.com/terms",
    }
    assert all(link["rel"] == "noopener noreferrer" for link in html.all("a") if link["id"].startswith("house-"))


def test_logo_may_be_png(tmp_path: Path):
    (tmp_path / "logo").write_bytes(PNG)
    assert taken(LogoFile, tmp_path / "logo")
