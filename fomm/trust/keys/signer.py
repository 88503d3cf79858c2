"""A signer of C2PA manifests: a certificate chain that may sign them, and the function that does.

C2PA accepts a signature by an end-entity certificate (not a CA) with key usage digitalSignature, an authority key
identifier and the extended key usage emailProtection (C2PA 2.x, "X.509 certificates"). The function may be a private
key at hand (`key_signer`) or a callback that asks a hardware module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fomm.errors import TrustError
from fomm.trust.keys.canonical import utc_now

# Curve name: C2PA's algorithm, digest, bytes of each half of the raw signature.
_CURVES: dict[str, tuple[str, hashes.HashAlgorithm, int]] = {
    "secp256r1": ("es256", hashes.SHA256(), 32),
    "secp384r1": ("es384", hashes.SHA384(), 48),
    "secp521r1": ("es512", hashes.SHA512(), 66),
}
_SHORTEST_RSA = 2048

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
Chain = tuple[x509.Certificate, ...]


@dataclass(frozen=True)
class Signer:
    """Signs manifests; `certificates.identity` gives the key store's own.

    Attributes:
        chain: certificates, leaf first, each issued by the next, the self-signed root last.
        sign: returns the raw signature of a message: r and s joined for es256, es384 and es512 (not DER), PSS padding
            with a salt as long as the digest for ps256.
        algorithm: es256, es384, es512, ed25519 or ps256; it has to fit the leaf's key.

    Raises:
        TrustError: the chain is not one, or its leaf may not sign manifests.
    """

    chain: Chain
    sign: Callable[[bytes], bytes]
    algorithm: str

    def __post_init__(self) -> None:
        _check_chain(self.chain)

    @property
    def chain_pem(self) -> str:
        """All certificates as PEM, leaf first."""
        return "".join(pem(certificate) for certificate in self.chain)

    @property
    def root_pem(self) -> str:
        """The root certificate as PEM: what others pin to trust our files."""
        return pem(self.chain[-1])

    @property
    def serial(self) -> int:
        """Serial number of the leaf, which together with the root names it."""
        return self.chain[0].serial_number

    @property
    def provider(self) -> str:
        """Organisation named in the leaf, or all of its subject when there is none."""
        subject = self.chain[0].subject
        names = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return str(names[0].value) if names else subject.rfc4514_string()

    @property
    def expires(self) -> datetime:
        """When the first of its certificates ends, UTC."""
        return min(certificate.not_valid_after_utc for certificate in self.chain)


def key_signer(key: PrivateKey, chain: Sequence[x509.Certificate]) -> Signer:
    """Return the signer of a private key that is at hand.

    Raises:
        TrustError: key and leaf do not belong together, or the kind of key is not one of C2PA's.
    """
    if not chain or chain[0].public_key() != key.public_key():
        raise TrustError("The private key does not belong to the first certificate of the chain; put the leaf first.")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Signer(tuple(chain), key.sign, "ed25519")
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < _SHORTEST_RSA:
            raise TrustError(f"An RSA key for manifests needs {_SHORTEST_RSA} bits or more, not {key.key_size}.")
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        return Signer(tuple(chain), lambda message: key.sign(message, salted, hashes.SHA256()), "ps256")
    if key.curve.name not in _CURVES:
        raise TrustError(f"The curve {key.curve.name} is not one of C2PA's; use P-256, P-384, P-521 or Ed25519.")
    algorithm, digest, half = _CURVES[key.curve.name]

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")

    return Signer(tuple(chain), sign, algorithm)


def _check_chain(chain: Chain) -> None:
    """Check that each certificate is issued by the next, the last by itself, and that the leaf may sign manifests."""
    if len(chain) < 2:
        raise TrustError(
            "A manifest signer needs a leaf and its root certificate; a lone certificate is never trusted."
        )
    for certificate, issuer in zip(chain, (*chain[1:], chain[-1]), strict=True):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            raise TrustError(
                f"The certificate '{certificate.subject.rfc4514_string()}' is not issued by the one after it; order "
                "the chain leaf first and end it with the self-signed root."
            ) from None
    leaf = chain[0]
    if not leaf.not_valid_before_utc <= utc_now() < leaf.not_valid_after_utc:
        raise TrustError(f"The signing certificate is not valid now (until {leaf.not_valid_after_utc:%Y-%m-%d}).")
    if not _may_sign(leaf):
        raise TrustError(
            "The first certificate may not sign manifests: it must be no CA and have key usage digitalSignature, "
            "extended key usage emailProtection and an authority key identifier."
        )


def _may_sign(leaf: x509.Certificate) -> bool:
    extensions = leaf.extensions
    try:
        extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    with contextlib.suppress(x509.ExtensionNotFound):
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    return usage.digital_signature and ExtendedKeyUsageOID.EMAIL_PROTECTION in purposes


def pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
