"""The key store: where fomm keeps its consent ledger and keys, and the Ed25519 keys themselves (RFC 8032).

The store is one folder, private to its user: `ledger.key` signs the ledger, `NAME.secret` are 32-byte symmetric keys
(watermark, pseudonymous references), `signers/NAME.pub` are the keys of people whose own signature we accept. Private
files are written with mode 0600 and refused when others can read them.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

import platformdirs

from fomm.config.arguments import given_path
from fomm.errors import TrustError
from fomm.media.whole_files import write_whole
from fomm.trust.keys.signing_key import PublicKey, SigningKey, read_private

HOME_VARIABLE = "FOMM_HOME"
SECRET_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def data_directory(explicit: str | Path | None = None) -> Path:
    """Return the folder of ledger and keys: the argument, else `$FOMM_HOME`, else the user's data folder.

    It need not exist yet; a file in its place is refused here, before anything takes it for a damaged ledger.

    Raises:
        SettingsError: the argument is neither text nor a path.
        TrustError: it or `$FOMM_HOME` is no path, or it, or what it should lie in, is a file.
    """
    named = os.environ.get(HOME_VARIABLE) or None
    if explicit is None and named is None:
        folder = Path(platformdirs.user_data_dir("fomm", appauthor=False))
    else:
        folder = given_path(named if explicit is None else explicit, "folder of ledger and keys", TrustError)
        with contextlib.suppress(RuntimeError):  # there is no user of the name after the ~
            folder = folder.expanduser()
    found = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)
    if os.path.lexists(found) and not found.is_dir():
        raise TrustError(f"{found} is not a folder, so no ledger can lie there; set {HOME_VARIABLE} to a folder.")
    return folder


class KeyStore:
    """The folder with this user's keys.

    Args:
        directory: the folder; made with mode 0700 when the first file is written.
        begin: called before a key is added: begins the folder's ledger, or refuses when that was removed.
    """

    def __init__(self, directory: Path, begin: Callable[[], None] | None = None) -> None:
        self.directory = directory
        self._begin = begin

    @property
    def ledger_key_path(self) -> Path:
        """Where the ledger-signing key lies."""
        return self.directory / "ledger.key"

    def prepare(self) -> None:
        """Make the folder, and its ledger, ready for a key.

        Raises:
            TrustError: the folder cannot be made, or its ledger was removed.
        """
        self.make_folder()
        if self._begin is not None:
            self._begin()

    def make_folder(self) -> None:
        """Make the folder, private to its user.

        Raises:
            TrustError: it cannot be made, or is not writable.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or "not a folder"
            raise TrustError(
                f"The folder {self.directory} cannot be made ({reason}); set {HOME_VARIABLE} to a writable folder."
            ) from error
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise TrustError(f"The folder {self.directory} is not writable; set {HOME_VARIABLE} to a writable folder.")

    def ledger_key(self) -> SigningKey:
        """Return the ledger-signing key.

        Raises:
            TrustError: missing, unreadable, readable by others, or damaged.
        """
        return SigningKey.load(self.ledger_key_path)

    def secret(self, name: str) -> bytes:
        """Return the 32-byte symmetric key called `name`, making it when it does not exist yet.

        Raises:
            TrustError: it cannot be read or written, or has another length.
        """
        path = self.directory / f"{_checked_name(name)}.secret"
        if not os.path.lexists(path):
            self.prepare()
            try:
                with contextlib.suppress(FileExistsError):  # another process made it a moment ago: use that one
                    write_whole(path, secrets.token_bytes(SECRET_BYTES), replace=False)
            except OSError as error:
                raise TrustError(f"The key {path} cannot be written: {error.strerror}.") from error
        secret = read_private(path)
        if len(secret) != SECRET_BYTES:
            raise TrustError(f"{path} holds {len(secret)} bytes instead of {SECRET_BYTES}; restore it from a backup.")
        return secret

    def pin_signer(self, name: str, key: PublicKey) -> None:
        """Accept consents that `key` signs, under a short local name.

        Raises:
            TrustError: a bad name, the name belongs to another key, or the file cannot be written.
        """
        path = self.directory / "signers" / f"{_checked_name(name)}.pub"
        self.prepare()
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(path, f"{key}\n".encode(), replace=False)
        except FileExistsError:
            if self.signers().get(name) != key:
                raise TrustError(
                    f"The signer name '{name}' belongs to another key; choose another name or delete {path}."
                ) from None
        except OSError as error:
            raise TrustError(f"The signer's key {path} cannot be written: {error.strerror}.") from error

    def signers(self) -> dict[str, PublicKey]:
        """Return the pinned signers' keys by name.

        Raises:
            TrustError: one of the files is not a public key.
        """
        files = sorted((self.directory / "signers").glob("*.pub"))
        return {file.stem: PublicKey.parse(file.read_text(errors="replace")) for file in files}


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise TrustError(f"'{name}' is not a name for a key; use letters, digits, '.', '_' and '-'.")
    return name
