from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from own_certificates import Authority, write_pair

from fomm.errors import TrustError
from fomm.trust.keys.certificates import IDENTITY_FILE, ensure_identity, identity, import_identity, make_identity
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.keys.signer import Signer, key_signer


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "home")


def test_the_first_use_makes_one_private_file_and_later_ones_read_it(store: KeyStore) -> None:
    assert identity(store) is None
    signer = ensure_identity(store)
    assert [entry.name for entry in store.directory.iterdir()] == [IDENTITY_FILE]
    assert stat.S_IMODE((store.directory / IDENTITY_FILE).stat().st_mode) == 0o600
    assert ensure_identity(store).serial == signer.serial
    assert signer.provider == "fomm user"
    with pytest.raises(TrustError, match="never overwritten"):
        make_identity(store, "Somebody else")


def test_the_provider_is_named(store: KeyStore) -> None:
    assert make_identity(store, "Studio Ada").provider == "Studio Ada"
    for bad in ("", "x" * 65, "two\nlines"):
        with pytest.raises(TrustError, match="provider's name"):
            make_identity(KeyStore(store.directory / "other"), bad)


def test_an_identity_others_can_read_is_refused(store: KeyStore) -> None:
    ensure_identity(store)
    (store.directory / IDENTITY_FILE).chmod(0o640)
    with pytest.raises(TrustError, match=r"open to other users.*chmod 600"):
        identity(store)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_damaged_identity_is_refused(store: KeyStore, content: bytes) -> None:
    ensure_identity(store)
    (store.directory / IDENTITY_FILE).write_bytes(content)
    with pytest.raises(TrustError, match="restore it from a backup"):
        ensure_identity(store)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_own_certificates_are_taken_over(store: KeyStore, tmp_path: Path, curve: ec.EllipticCurve) -> None:
    authority, key = Authority(), ec.generate_private_key(curve)
    paths = write_pair(tmp_path, key, authority.leaf(key), authority.root)
    assert import_identity(store, *paths).provider == "Studio"
    kept = ensure_identity(store)
    assert kept.chain[-1] == authority.root
    assert len(kept.sign(b"message")) == 2 * ((curve.key_size + 7) // 8)


def test_chains_that_cannot_sign_manifests_are_refused(store: KeyStore, tmp_path: Path) -> None:
    authority, key = Authority(), ec.generate_private_key(ec.SECP256R1())
    leaf, stranger = authority.leaf(key), Authority()
    cases = [
        ((authority.root, leaf), "leaf first"),
        ((leaf,), "lone certificate"),
        ((leaf, stranger.root), "not issued by"),
        ((authority.leaf(key, days=-1), authority.root), "not valid now"),
        ((authority.leaf(key, may_sign=False), authority.root), "digitalSignature"),
        ((), "holds no certificates"),
    ]
    for chain, said in cases:
        with pytest.raises(TrustError, match=said):
            import_identity(store, *write_pair(tmp_path, key, *chain))
    paths = write_pair(tmp_path, key, leaf, authority.root)
    paths[1].chmod(0o644)
    with pytest.raises(TrustError, match="open to other users"):
        import_identity(store, *paths)
    assert identity(store) is None


def test_other_kinds_of_keys() -> None:
    authority = Authority()

    def signer(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> Signer:
        return key_signer(key, [authority.leaf(key), authority.root])

    assert signer(ed25519.Ed25519PrivateKey.generate()).algorithm == "ed25519"
    assert signer(rsa.generate_private_key(65537, 2048)).algorithm == "ps256"
    with pytest.raises(TrustError, match="2048 bits"):
        signer(rsa.generate_private_key(65537, 1024))  # noqa: S505 - weak on purpose
    with pytest.raises(TrustError, match="secp256k1"):
        signer(ec.generate_private_key(ec.SECP256K1()))
