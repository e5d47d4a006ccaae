"""The certificates that a registry's host is seen with, and shown."""

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.wire.token_hosts import belongs_to
from ghostnb.wire.urls import keeps_credentials, origin

__all__ = ["certificate_faults", "has_certificates", "takes_ca_file", "tls_context"]


def takes_ca_file(config: RegistryConfig, url: str) -> bool:
    """Tell whether the registry's authority may vouch for a host: where its credentials may go.

    Notes
    -----
    The registry's host, a domain above or below it, and its token server. Docker and skopeo take
    the certificates that they have for a registry for its token server, too. Whoever has that
    authority may be the registry, and so has these credentials; other hosts are not its.
    """
    host = origin(url)[1]
    named = (config.token_host or "").lower()
    return host == named or belongs_to(host, origin(config.url)[1])


def tls_context(config: RegistryConfig, url: str) -> ssl.SSLContext:
    """Make the TLS settings for a host.

    Parameters
    ----------
    config : RegistryConfig
    url : str
        Something at the host.

    Raises
    ------
    ConfigError
        If a certificate cannot be read.
    """
    if origin(url)[0] != "https":  # loading the system's authorities costs tens of milliseconds
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    is_own = keeps_credentials(config.url, url)
    if is_own and config.insecure:
        context = httpx2.create_ssl_context(verify=False)
    else:
        context = httpx2.create_ssl_context()
    ca_files, cert, key = _certificates(config)
    if is_own or takes_ca_file(config, url):
        _load_authorities(context, config, ca_files)
    if is_own and cert:
        _load_client(context, config, cert, key)
    return context


def has_certificates(config: RegistryConfig, url: str) -> bool:
    """Tell whether a host is to be met otherwise than by the system's authorities alone."""
    if origin(url)[0] != "https":
        return False
    if keeps_credentials(config.url, url):
        return config.insecure or any(_certificates(config))
    return takes_ca_file(config, url) and bool(_certificates(config)[0])


def certificate_faults(config: RegistryConfig) -> list[ConfigError]:
    """Read all certificates of a registry, and give what is wrong with each; blocks."""
    if origin(config.url)[0] != "https":
        return []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca_files, cert, key = _certificates(config)
    loads = [partial(_load_authorities, context, config, [ca_file]) for ca_file in ca_files]
    if cert:
        loads.append(partial(_load_client, context, config, cert, key))
    faults = []
    for load in loads:
        try:
            load()
        except ConfigError as e:
            faults.append(e)
    return faults


def _load_authorities(
    context: ssl.SSLContext, config: RegistryConfig, ca_files: Iterable[str]
) -> None:
    for ca_file in ca_files:
        with _naming(config, ca_file):
            context.load_verify_locations(cafile=ca_file)


def _load_client(
    context: ssl.SSLContext, config: RegistryConfig, cert: str, key: str | None
) -> None:
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
