"""The certificates that a registry's host is seen with, and shown."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig

__all__ = ["has_certificates", "tls_context"]


def tls_context(config: RegistryConfig, *, is_own: bool, is_needed: bool) -> ssl.SSLContext:
    """Make the TLS settings for a host.

    Parameters
    ----------
    config : RegistryConfig
    is_own : bool
        True for the registry's own host, which the configuration is about.
    is_needed : bool
        False for plain HTTP: loading the system's authorities costs tens of
        milliseconds.

    Raises
    ------
    ConfigError
        If a certificate cannot be read.
    """
    if not is_needed:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if is_own and config.insecure:
        context = httpx2.create_ssl_context(verify=False)
    else:
        context = httpx2.create_ssl_context()
    if is_own:
        _load_certificates(context, config)
    return context


def _load_certificates(context: ssl.SSLContext, config: RegistryConfig) -> None:
    ca_files, cert, key = _certificates(config)
    for ca_file in ca_files:
        with _naming(config, ca_file):
            context.load_verify_locations(cafile=ca_file)
    if cert:
        with _naming(config, *filter(None, (cert, key))):
            # Left alone, it asks the terminal for an encrypted key's password.
            context.load_cert_chain(cert, key, password=lambda: b"")


@contextmanager
def _naming(config: RegistryConfig, *files: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise ConfigError(
            f"The certificate of {config.name} in {' and '.join(files)} cannot be read: {e}.",
            hint="ca_file, client_cert and client_key must be PEM files without a password.",
        ) from e


def has_certificates(config: RegistryConfig) -> bool:
    """Tell whether a registry is to be met otherwise than by the system's authorities."""
    return config.insecure or any(_certificates(config))


def _certificates(config: RegistryConfig) -> tuple[list[str], str | None, str | None]:
    """Give the configured certificates, else those that Docker or Podman have for the host.

    Notes
    -----
    Source: Docker, "Verify repository client with certificates":
    ``/etc/docker/certs.d/HOST:PORT/{*.crt,*.cert,*.key}``; Podman,
    containers-certs.d(5).
    """
    ca_file, cert, key = map(_expanded, (config.ca_file, config.client_cert, config.client_key))
    if ca_file or cert:
        return [ca_file] if ca_file else [], cert, key
    for folder in ("~/.config/containers", "/etc/containers", "~/.docker", "/etc/docker"):
        directory = Path(folder).expanduser() / "certs.d" / config.host
        ca_files = sorted(map(str, directory.glob("*.crt")))
        certs = sorted(directory.glob("*.cert"))
        if ca_files or certs:
            cert = str(certs[0]) if certs else None
            return ca_files, cert, cert and str(Path(cert).with_suffix(".key"))
    return [], None, None


def _expanded(path: str | None) -> str | None:
    return str(Path(path).expanduser()) if path else None
