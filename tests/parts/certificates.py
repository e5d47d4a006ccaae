"""A certificate authority for one test run: servers and clients on loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Certificates:
    """Files of one authority, in PEM.

    ``ca_file`` signed the server's and the client's certificate; ``other_ca_file`` signed
    neither, for the test that must fail.
    """

    ca_file: Path
    server_certificate: Path
    server_key: Path
    client_certificate: Path
    client_key: Path
    other_ca_file: Path

    def server_context(self, *, client_required: bool = False) -> ssl.SSLContext:
        """Give a context for Python servers."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_certificate, self.server_key)
        if client_required:
            context.load_verify_locations(self.ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(self, *, with_certificate: bool = False) -> ssl.SSLContext:
        """Give a context that trusts this authority only."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        if with_certificate:
            context.load_cert_chain(self.client_certificate, self.client_key)
        return context


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def make_certificates(
    directory: Path, *, hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "127.0.0.2", "::1")
) -> Certificates:
    """Make an authority, a server's and a client's certificate in ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    authority = issue_authority("ghostnb test authority")
    server = issue(authority, "localhost", hosts=hosts, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    client = issue(authority, "test client", usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    other = issue_authority("somebody else's authority")
    return Certificates(
        ca_file=_write(directory / "ca.pem", authority.certificate_pem),
        server_certificate=_write(directory / "server.pem", server.certificate_pem),
        server_key=_write(directory / "server.key", server.key_pem),
        client_certificate=_write(directory / "client.pem", client.certificate_pem),
        client_key=_write(directory / "client.key", client.key_pem),
        other_ca_file=_write(directory / "other-ca.pem", other.certificate_pem),
    )


def issue_authority(name: str) -> Issued:
    """Make a self-signed authority that strict verifiers accept (it says that it is one)."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    return Issued(builder.sign(key, hashes.SHA256()), key)


def issue(
    authority: Issued,
    name: str,
    *,
    hosts: tuple[str, ...] = (),
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
    valid_days: int = 30,
) -> Issued:
    """Make a certificate signed by ``authority``; negative ``valid_days`` is an expired one."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject.rfc4514_string().removeprefix("CN=")
    builder = _builder(name, issuer, key, valid_days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    builder = builder.add_extension(_key_usage(authority=False), critical=True)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    return Issued(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    name: str, issuer: str, key: ec.EllipticCurvePrivateKey, valid_days: int = 30
) -> x509.CertificateBuilder:
    today = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=60))
        .not_valid_after(today + dt.timedelta(days=valid_days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
