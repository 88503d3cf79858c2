"""Certificates as a user's own authority would issue them, with faults on request."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fomm.trust.keys.canonical import utc_now
from fomm.trust.keys.signer import PrivateKey, pem

_USAGES = (
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


class Authority:
    """A root with its key; issues leaves."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Studio root")])
        builder = self._builder(self.name, self.key, 300).add_extension(x509.BasicConstraints(True, 0), critical=True)
        self.root = builder.sign(self.key, hashes.SHA256())

    def leaf(self, key: PrivateKey, *, days: int = 100, may_sign: bool = True) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Studio")])
        builder = self._builder(name, key, days).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
        )
        if may_sign:
            usage = x509.KeyUsage(digital_signature=True, **dict.fromkeys(_USAGES, False))
            purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(usage, critical=True).add_extension(purposes, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def _builder(self, subject: x509.Name, key: PrivateKey, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(utc_now() - timedelta(days=200))
            .not_valid_after(utc_now() + timedelta(days=days))
        )


def write_pair(folder: Path, key: PrivateKey, *chain: x509.Certificate) -> tuple[Path, Path]:
    """Write a chain and a private key as PEM files and return their paths."""
    chain_path, key_path = folder / "chain.pem", folder / "leaf.key"
    chain_path.write_text("".join(pem(certificate) for certificate in chain))
    form = serialization.PrivateFormat.PKCS8
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    key_path.chmod(0o600)
    return chain_path, key_path
