"""The key store's signing identity: a private root and one leaf certificate made here, or a user's own chain.

A lone self-signed certificate signs but is never trusted, so a root is made beside the leaf. The root's private key is
forgotten at once: the leaf is all it will ever sign, so nobody can mint a second one under a root that others pinned.

Key and chain lie in one file of the key store, `manifest.pem` (mode 0600, refused when others can read it), written in
one step, so that a crash or two processes that begin at once never leave a key without its certificate.
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fomm.errors import TrustError
from fomm.media.whole_files import write_whole
from fomm.trust.keys.canonical import utc_now
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.keys.signer import Chain, PrivateKey, Signer, key_signer, pem
from fomm.trust.keys.signing_key import read_private

IDENTITY_FILE = "manifest.pem"
DEFAULT_PROVIDER = "fomm user"
LEAF_LIFE = timedelta(days=25 * 365)  # a manifest turns invalid with its leaf, and files are kept long
_CLOCK_SLACK = timedelta(days=1)
_LONGEST_NAME = 64  # characters of an organisation name in a certificate (RFC 5280)


def identity(keys: KeyStore) -> Signer | None:
    """Return the key store's signer, or None where none was made yet.

    Raises:
        TrustError: it cannot be read, is open to other users, or is damaged.
    """
    path = keys.directory / IDENTITY_FILE
    if not os.path.lexists(path):
        return None
    content = read_private(path)
    return key_signer(_private_key(content, path), _certificates(content, path))


def ensure_identity(keys: KeyStore) -> Signer:
    """Return the key store's signer, made on first use.

    Raises:
        TrustError: it cannot be read or made, is open to other users, or is damaged.
    """
    signer = identity(keys)
    while signer is None:
        with contextlib.suppress(FileExistsError):  # another process made it a moment ago: use that one
            _write_identity(keys, *make_chain(DEFAULT_PROVIDER))
        signer = identity(keys)
    return signer


def make_identity(keys: KeyStore, provider: str = DEFAULT_PROVIDER) -> Signer:
    """Make root and leaf in the key store.

    Args:
        keys: the key store.
        provider: organisation that the certificates name; it is public in every file.

    Raises:
        TrustError: there is one already, the name is empty or too long, or the folder cannot be written.
    """
    if not provider.strip() or not provider.isprintable() or len(provider) > _LONGEST_NAME:
        raise TrustError(f"The provider's name must have 1 to {_LONGEST_NAME} printable characters, not {provider!r}.")
    return _store(keys, *make_chain(provider.strip()))


def import_identity(keys: KeyStore, chain: Path, key: Path) -> Signer:
    """Take over a user's own certificates and key into the key store.

    Args:
        keys: the key store.
        chain: PEM file, leaf first, root last.
        key: unencrypted PEM private key of the leaf, readable by its owner only.

    Raises:
        TrustError: there is an identity already, a file cannot be read, or chain and key do not fit manifests.
    """
    try:
        certificates = chain.read_bytes()
    except OSError as error:
        raise TrustError(f"The certificates {chain} cannot be read: {error.strerror}.") from error
    private = _private_key(read_private(key), key)
    signer = key_signer(private, _certificates(certificates, chain))
    return _store(keys, private, signer.chain)


def read_roots(path: Path) -> str:
    """Return the root certificates in a file, as PEM, to be pinned.

    Raises:
        TrustError: it cannot be read or holds no certificate.
    """
    try:
        return "".join(pem(certificate) for certificate in _certificates(path.read_bytes(), path))
    except OSError as error:
        raise TrustError(f"The certificates {path} cannot be read: {error.strerror}.") from error


def make_chain(provider: str) -> tuple[ec.EllipticCurvePrivateKey, Chain]:
    """Return a fresh P-256 leaf key and the chain of its certificate and root; the root's key is dropped."""
    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = _name(provider, "fomm manifest root"), _name(provider, "fomm manifest signer")
    start = utc_now() - _CLOCK_SLACK
    end = start + LEAF_LIFE
    root = (
        _builder(root_name, root_name, root_key.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _builder(leaf_name, root_name, leaf_key.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return leaf_key, (leaf, root)


def _store(keys: KeyStore, key: PrivateKey, chain: Chain) -> Signer:
    try:
        _write_identity(keys, key, chain)
    except FileExistsError:
        path = keys.directory / IDENTITY_FILE
        raise TrustError(
            f"{path} exists already; it is never overwritten, for the files it signed are trusted through it: "
            "move it away to begin anew."
        ) from None
    return key_signer(key, chain)


def _write_identity(keys: KeyStore, key: PrivateKey, chain: Chain) -> None:
    """Write key and chain as one private file; FileExistsError when there is one."""
    keys.prepare()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = keys.directory / IDENTITY_FILE
    try:
        write_whole(path, secret + "".join(pem(certificate) for certificate in chain).encode(), replace=False)
    except FileExistsError:
        raise
    except OSError as error:
        raise TrustError(f"The manifest key {path} cannot be written: {error.strerror}.") from error


def _private_key(content: bytes, path: Path) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise TrustError(f"{path} holds no unencrypted private key in PEM form; restore it from a backup.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise TrustError(f"The key in {path} is not ECDSA, Ed25519 or RSA; C2PA knows no other.")
    return key


def _certificates(content: bytes, path: Path) -> Chain:
    try:
        return tuple(x509.load_pem_x509_certificates(content))
    except ValueError as error:
        raise TrustError(f"{path} holds no certificates in PEM form; give the chain, leaf first.") from error


def _name(provider: str, role: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, provider), x509.NameAttribute(NameOID.COMMON_NAME, role)]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
