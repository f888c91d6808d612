"""Requested resources, as pages show them."""

import pytest

from services.authorize_frontend.http.shared.resources import ResourceOnPage, resources_on_page


@pytest.mark.s(56)
@pytest.mark.parametrize(
    ("resource", "name", "detail"),
    [
        ("https://orders.example", "orders.example", ""),
        ("https://orders.example/", "orders.example", ""),
        ("https://orders.example:8443/", "orders.example:8443", ""),
        ("https://example/orders", "example", "https://example/orders"),
        ("https://example/?tenant=1", "example", "https://example/?tenant=1"),
        ("http://orders.example", "orders.example", "http://orders.example"),
        ("urn:example:orders", "urn:example:orders", ""),
        ("https://[::1", "https://[::1", ""),
    ],
)
def test_resource_on_page_shows_the_host_of_a_web_url(resource, name, detail):
    assert resources_on_page([resource, resource]) == [ResourceOnPage(name, detail)]
