from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from fomm.errors import TrustError
from fomm.trust.keys.key_store import KeyStore, data_directory
from fomm.trust.keys.signing_key import PublicKey, SigningKey


def test_folder_is_the_argument_then_the_variable_then_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOMM_HOME", str(tmp_path / "named"))
    assert data_directory(tmp_path) == tmp_path
    assert data_directory() == tmp_path / "named"
    monkeypatch.delenv("FOMM_HOME")
    assert data_directory().name == "fomm"


def test_saved_key_is_private_and_signs_the_same(tmp_path: Path) -> None:
    key = SigningKey.generate()
    key.save(tmp_path / "k")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    signature = SigningKey.load(tmp_path / "k").sign(b"words")
    assert key.public.verifies(signature, b"words")
    assert not key.public.verifies(signature, b"other words")
    assert "PRIVATE" not in repr(key)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    SigningKey.generate().save(tmp_path / "k")
    before = (tmp_path / "k").read_bytes()
    with pytest.raises(TrustError, match="never overwritten"):
        SigningKey.generate().save(tmp_path / "k")
    assert (tmp_path / "k").read_bytes() == before


def test_bad_key_files_are_refused_with_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "k"
    with pytest.raises(TrustError, match=r"k is missing"):
        SigningKey.load(path)
    SigningKey.generate().save(path)
    path.chmod(0o640)
    with pytest.raises(TrustError, match=r"chmod 600"):
        SigningKey.load(path)
    path.chmod(0o600)
    path.write_text("not a key")
    with pytest.raises(TrustError, match="not an unencrypted Ed25519"):
        SigningKey.load(path)
    path.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(TrustError, match="not an unencrypted Ed25519"):
        SigningKey.load(path)


def test_unreadable_key_is_a_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "k").mkdir()
    with pytest.raises(TrustError, match="cannot be read"):
        SigningKey.load(tmp_path / "k")


def test_secret_is_made_once_and_checked(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "home")
    secret = store.secret("watermark")
    assert len(secret) == 32
    assert store.secret("watermark") == secret
    assert store.secret("other") != secret
    path = tmp_path / "home" / "watermark.secret"
    path.write_bytes(b"short")
    with pytest.raises(TrustError, match="5 bytes instead of 32"):
        store.secret("watermark")
    path.chmod(0o644)
    with pytest.raises(TrustError, match="chmod 600"):
        store.secret("watermark")
    with pytest.raises(TrustError, match="not a name"):
        store.secret("../outside")


def test_signers_are_pinned_by_name(tmp_path: Path) -> None:
    store = KeyStore(tmp_path)
    ada, bob = SigningKey.generate().public, SigningKey.generate().public
    store.pin_signer("ada", ada)
    store.pin_signer("ada", ada)
    assert store.signers() == {"ada": ada}
    with pytest.raises(TrustError, match="belongs to another key"):
        store.pin_signer("ada", bob)
    assert PublicKey.parse(str(ada)) == ada
    with pytest.raises(TrustError, match="not a public key"):
        PublicKey.parse("ed25519:nonsense")
