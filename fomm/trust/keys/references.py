"""Public stand-ins of private values: what a file may say about its consent without saying whose it is."""

from __future__ import annotations

import hashlib
import hmac

from fomm.trust.keys.key_store import KeyStore

REFERENCE_SECRET = "references"  # noqa: S105 - the name of a key file, not a key


def reference(keys: KeyStore, output_id: str, kind: str, value: str) -> str:
    """Return the public stand-in of a private value: HMAC-SHA256 under a key that never leaves the key store.

    Whoever holds the store can recompute it and so tie a file to its consent. To others it is a random number, and
    another one in every output, so that two files of the same person cannot be linked through it.

    Args:
        keys: the key store; the key is made on first use.
        output_id: the output that states it.
        kind: "consent", "photo" or "driving".
        value: consent id or hash; an empty one gives an empty reference.
    """
    if not value:
        return ""
    message = f"fomm {kind}\n{output_id}\n{value}".encode()
    return hmac.new(keys.secret(REFERENCE_SECRET), message, hashlib.sha256).hexdigest()
