from ghostnb.wire.messages import Reply, Request


def test_a_request_shows_neither_headers_nor_body_since_they_may_hold_credentials():
    request = Request("GET", "https://x", "it", (), {"authorization": "Bearer s3cret"}, b"s3cret")

    assert "s3cret" not in repr(request)
    assert "https://x" in repr(request)


def test_a_reply_does_not_show_its_body():
    assert "s3cret" not in repr(Reply(200, {}, b'{"token": "s3cret"}'))
