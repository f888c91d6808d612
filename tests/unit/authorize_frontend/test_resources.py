"""How a resource is called where a person is asked about it."""

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
def test_a_web_address_is_called_by_its_host(resource, name, detail):
    assert resources_on_page([resource, resource]) == [ResourceOnPage(name, detail)]
