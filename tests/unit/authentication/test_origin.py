from services.authentication.domain.sessions.origin import Origin


def test_identifiers_that_are_none_are_left_out() -> None:
    origin = Origin.of(remote_address="", client_id="c_shop", correlation_id="a\x00b")
    assert origin == Origin(client_id="c_shop")
    assert Origin.of(remote_address="", client_id="x" * 256, correlation_id="") == Origin()
    assert Origin.of(remote_address="", client_id="ü", correlation_id="") == Origin()
