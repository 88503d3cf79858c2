"""Ed25519 keys: the private one that signs, and the public one that others check with."""

from __future__ import annotations

import base64
import binascii
import os
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fomm.errors import TrustError
from fomm.media.whole_files import write_whole
from fomm.trust.keys.canonical import sha256_hex

_TEXT_PREFIX = "ed25519:"


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key, 32 bytes; its text form is `ed25519:` and base64."""

    raw: bytes

    def __str__(self) -> str:
        return _TEXT_PREFIX + base64.b64encode(self.raw).decode("ascii")

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that name the key in records and messages."""
        return sha256_hex(self.raw)[:16]

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read the text form.

        Raises:
            TrustError: not a public key.
        """
        body = text.strip().removeprefix(_TEXT_PREFIX)
        try:
            raw = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != 32:
            raise TrustError(f"'{text.strip()[:60]}' is not a public key; it is 'ed25519:' and 44 base64 characters.")
        return cls(raw)

    def verifies(self, signature: str, message: bytes) -> bool:
        """Say whether `signature` (base64) over `message` was made by this key's owner."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(base64.b64decode(signature), message)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 private key; `repr` shows only the public fingerprint."""

    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.public.fingerprint})"

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a fresh random key."""
        return cls(Ed25519PrivateKey.generate())

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return PublicKey(self.private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> str:
        """Return the base64 signature of `message`."""
        return base64.b64encode(self.private.sign(message)).decode("ascii")

    def save(self, path: Path) -> None:
        """Write the key as PKCS#8 PEM with mode 0600; an existing file is never replaced.

        Raises:
            TrustError: the file exists or cannot be written.
        """
        pem = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            write_whole(path, pem, replace=False)
        except FileExistsError:
            raise TrustError(f"{path} exists already; a key is never overwritten: choose another name.") from None
        except OSError as error:
            raise TrustError(f"The key {path} cannot be written: {error.strerror}.") from error

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Read a private key that only its user can read.

        Raises:
            TrustError: missing, unreadable, readable by others, or not an Ed25519 private key.
        """
        try:
            key = serialization.load_pem_private_key(read_private(path), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise TrustError(f"{path} is not an unencrypted Ed25519 private key in PEM form; restore it from a backup.")
        return cls(key)


def read_private(path: Path) -> bytes:
    """Read a file that only its user may read.

    Raises:
        TrustError: missing, unreadable, not a plain file, or open to other users.
    """
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise TrustError(f"{path} is not a plain file; put the key file back.")
            if os.name == "posix" and status.st_mode & 0o077:
                raise TrustError(
                    f"{path} is open to other users (mode {status.st_mode & 0o777:o}); run: "
                    f"chmod 600 {shlex.quote(str(path))}"
                )
            return stream.read()
    except FileNotFoundError:
        raise TrustError(f"The key {path} is missing; restore it from a backup.") from None
    except OSError as error:
        raise TrustError(f"The key {path} cannot be read ({error.strerror}); give its owner access.") from error
