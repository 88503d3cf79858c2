"""`fomm keys` and `fomm registry`, run inside the test's process."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from own_certificates import Authority, write_pair

from fomm.cli.main import commands
from fomm.errors import FommError, SettingsError, TrustError
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.key_store import KeyStore
from fomm.trust.release.registry import Registry

Run = Callable[..., str]


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("FOMM_HOME", str(home))

    def call(*arguments: object) -> str:
        commands.main([str(argument) for argument in arguments], standalone_mode=False)
        return capsys.readouterr().out

    return call


def test_keys_are_made_and_shown(run: Run, home: Path) -> None:
    assert "no certificate yet" in run("keys", "show")
    with pytest.raises(TrustError, match="fomm keys init"):
        run("keys", "show", "--root")
    assert not home.exists()
    assert "signed by Studio Ada until 20" in run("keys", "init", "--provider", "Studio Ada")
    assert "Studio Ada (es256)" in run("keys", "show")
    assert run("keys", "show", "--root").startswith("-----BEGIN CERTIFICATE-----")
    with pytest.raises(FommError, match="never overwritten"):
        run("keys", "init")


def test_own_certificates_are_taken_over(run: Run, tmp_path: Path) -> None:
    authority, key = Authority(), ec.generate_private_key(ec.SECP256R1())
    chain, private = write_pair(tmp_path, key, authority.leaf(key), authority.root)
    with pytest.raises(SettingsError, match="--chain and --key together"):
        run("keys", "init", "--chain", chain)
    assert "signed by Studio until" in run("keys", "init", "--chain", chain, "--key", private)


def test_a_persons_key_is_made_and_pinned(run: Run, home: Path, tmp_path: Path) -> None:
    said = run("keys", "new", "-o", tmp_path / "ada.key")
    assert stat.S_IMODE((tmp_path / "ada.key").stat().st_mode) == 0o600
    public = next(word for word in said.split() if word.startswith("ed25519:"))
    run("keys", "pin", "ada", public)
    assert {name: str(key) for name, key in KeyStore(home).signers().items()} == {"ada": public}
    assert public in run("keys", "show")
    with pytest.raises(TrustError, match="never overwritten"):
        run("keys", "new", "-o", tmp_path / "ada.key")


def test_the_registry_is_shown_and_exported(
    run: Run, ledger: Ledger, photo: bytes, terms: ConsentTerms, tmp_path: Path
) -> None:
    ledger.grant(photo, terms)
    leave = authorise(photo, ledger=ledger)
    made = Registry(ledger).reserve(leave, driving="", model="m1", settings="s1")
    shown = run("registry", "show", made.id)
    assert f"consent: {leave.consent.id}\n" in shown
    assert "state: reserved\n" in shown
    run("registry", "export", "-o", tmp_path / "outputs.jsonl")
    assert json.loads((tmp_path / "outputs.jsonl").read_text())["model"] == "m1"
    with pytest.raises(TrustError, match="no output 'ffff'"):
        run("registry", "show", "ffff")
