"""How a sender proves that it knows a secret: each compared whole, in constant time."""

import hashlib
import hmac

from ghostnb.wire.notifications.delivery import Delivery

__all__ = ["authorization", "gitlab_token", "query_token", "signature"]


def authorization(delivery: Delivery, secret: bytes) -> bool:
    """Compare the Authorization header: ``Bearer SECRET``, or the secret alone.

    Notes
    -----
    Source: distribution, "Work with notifications" (headers of an endpoint, with Bearer);
    GitLab, "Container registry administration" (the same, the secret alone); Harbor, "Configure
    Webhook Notifications" (an authentication header, sent as it was typed).
    """
    shown = _header(delivery, "authorization")
    as_bearer = hmac.compare_digest(shown, b"Bearer " + secret)
    return hmac.compare_digest(shown, secret) or as_bearer


def signature(delivery: Delivery, secret: bytes) -> bool:
    """Compare ``X-Hub-Signature-256`` with the body's HMAC.

    Notes
    -----
    Source: GitHub, "Validating webhook deliveries".
    """
    expected = "sha256=" + hmac.new(secret, delivery.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(_header(delivery, "x-hub-signature-256"), expected.encode())


def gitlab_token(delivery: Delivery, secret: bytes) -> bool:
    """Compare ``X-Gitlab-Token``.

    Notes
    -----
    Source: GitLab, "Webhooks" (secret token).
    """
    return hmac.compare_digest(_header(delivery, "x-gitlab-token"), secret)


def query_token(delivery: Delivery, secret: bytes) -> bool:
    """Compare ``?token=`` of the webhook's URL: for senders that know nothing but a URL."""
    return hmac.compare_digest(_bytes(delivery.query.get("token", "")), secret)


def _header(delivery: Delivery, name: str) -> bytes:
    return _bytes(delivery.headers.get(name, ""))


def _bytes(text: str) -> bytes:
    # Whatever came is compared, also what is no proper text.
    return text.encode("utf-8", "surrogatepass")
