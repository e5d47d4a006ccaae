"""Secrets and signatures, as receivers of Standard Webhooks check them."""

import base64
import hashlib
import hmac
import secrets

from ghostnb.errors import ConfigError

__all__ = ["decode_secret", "new_secret", "signed_headers"]

_PREFIX = "whsec_"
_KEY_BYTES = 32
# "Random. At least 24 bytes (192 bits, 512 maximum)": 512 bits are 64 bytes.
_MIN_BYTES, _MAX_BYTES = 24, 64


def new_secret() -> str:
    """Make a secret: ``whsec_`` and the base64 of 32 random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def decode_secret(secret: object) -> bytes:
    """Give the key that a secret stands for.

    Parameters
    ----------
    secret : str

    Returns
    -------
    bytes

    Raises
    ------
    ConfigError
        If it is none; it does not say what the secret is.

    Notes
    -----
    Source: Standard Webhooks 1.0.0, "Signature scheme".
    """
    is_text = isinstance(secret, str) and secret.startswith(_PREFIX)
    key = _from_base64(str(secret).removeprefix(_PREFIX)) if is_text else b""
    if not _MIN_BYTES <= len(key) <= _MAX_BYTES:
        raise ConfigError(
            f"A webhook's secret must be {_PREFIX} and the base64 of "
            f"{_MIN_BYTES} to {_MAX_BYTES} bytes.",
            hint=f'Make one: echo "{_PREFIX}$(openssl rand -base64 {_KEY_BYTES})"',
        )
    return key


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def signed_headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Give the three headers that tell a receiver who sent a body, and when.

    Parameters
    ----------
    key : bytes
    message_id : str
        The same at every try; no full stop may be in it.
    timestamp : int
        Of this try, in seconds since 1970.
    body : bytes
        Exactly what is sent.

    Notes
    -----
    Source: Standard Webhooks 1.0.0, "Signature scheme" and "Webhook headers".
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
