"""`fomm keys`: the certificate that signs manifests, and the keys by which people sign consents."""

from __future__ import annotations

from pathlib import Path

import click

from fomm.cli.echo import hand_out, say
from fomm.errors import SettingsError, TrustError
from fomm.trust.consent.ledger import Ledger
from fomm.trust.keys.certificates import DEFAULT_PROVIDER, identity, import_identity, make_identity
from fomm.trust.keys.key_store import KeyStore, data_directory
from fomm.trust.keys.signing_key import PublicKey, SigningKey

_PATH = click.Path(path_type=Path)


@click.group()
def keys() -> None:
    """Make, show and pin the keys that files and consents are signed with."""


@keys.command()
@click.option("--provider", help=f"Organisation named in every manifest.  [default: {DEFAULT_PROVIDER}]")
@click.option("--chain", type=_PATH, help="Your own certificates (PEM, leaf first, root last) instead of new ones.")
@click.option("--key", type=_PATH, help="The private key of your own leaf certificate (PEM, mode 0600).")
def init(provider: str | None, chain: Path | None, key: Path | None) -> None:
    """Make the certificate that signs manifests, or take over your own."""
    store = Ledger().keys
    if (chain is None) != (key is None) or (chain is not None and provider is not None):
        raise SettingsError("Give --chain and --key together for your own certificate, or --provider for a new one.")
    if chain is not None and key is not None:
        signer = import_identity(store, chain, key)
    else:
        signer = make_identity(store, provider or DEFAULT_PROVIDER)
    say(f"Manifests are signed by {signer.provider} until {signer.expires:%Y-%m-%d}; keys in {store.directory}.")


@keys.command()
@click.option("--root", is_flag=True, help="Print only the root certificate, for others to pin.")
def show(root: bool) -> None:
    """Show whose signatures are made and accepted here."""
    store = KeyStore(data_directory())
    signer = identity(store)
    if root:
        if signer is None:
            raise TrustError("There is no signing certificate yet; make one: fomm keys init")
        hand_out(signer.root_pem)
        return
    say(f"Keys in {store.directory}")
    if signer is None:
        say("  manifests: no certificate yet; the first render makes one, or: fomm keys init")
    else:
        say(f"  manifests: {signer.provider} ({signer.algorithm}), until {signer.expires:%Y-%m-%d}")
    if store.ledger_key_path.exists():
        say(f"  ledger: {store.ledger_key().public}")
    for name, key in store.signers().items():
        say(f"  consents signed by {name}: {key}")


@keys.command()
@click.argument("name")
@click.argument("key")
def pin(name: str, key: str) -> None:
    """Accept consents signed with the public KEY (ed25519:...), under a short local NAME."""
    Ledger().keys.pin_signer(name, PublicKey.parse(key))
    say(f"Consents signed by {name} are accepted from now on.")


@keys.command()
@click.option("-o", "--output", type=_PATH, required=True, help="File for the private key; never overwritten.")
def new(output: Path) -> None:
    """Make a key with which a person signs consents for their own photos."""
    key = SigningKey.generate()
    key.save(output)
    say(f"{output} written; keep it private. Its public key, to be pinned: {key.public}")
