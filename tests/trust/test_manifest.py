from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from own_certificates import Authority
from trust_samples import Clock, portrait

from fomm.media.writer import EncodeSettings
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.certificates import ensure_identity
from fomm.trust.keys.references import reference
from fomm.trust.keys.signer import PrivateKey, key_signer
from fomm.trust.release.film import Provenance, Receipt, open_release, release_still
from fomm.trust.release.rendered import Rendered

FRAME = portrait(5, 96, 128)


@pytest.fixture
def leave(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> Authorisation:
    ledger.grant(photo, terms)
    return authorise(photo, ledger=ledger)


@pytest.fixture
def photo_path(tmp_path: Path, photo: bytes) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(photo)
    return path


def release(path: Path, leave: Authorisation, provenance: Provenance | None = None) -> Receipt:
    if path.suffix in (".mp4", ".mov", ".gif"):
        encode = EncodeSettings(preset="ultrafast")
        with open_release(
            path, leave, size=(128, 96), fps=Fraction(25), encode=encode, provenance=provenance
        ) as opened:
            opened.write(Rendered(np.stack([FRAME] * 3), leave))
        return opened.receipt
    return release_still(path, Rendered(FRAME, leave), leave, provenance=provenance)


def read(path: Path, root: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Read a file as a stranger would: the C2PA library with one root pinned. Returns state, manifest, assertions."""
    context = c2pa.Context.from_dict({"version": 1, "trust": {"trust_anchors": root}})
    with path.open("rb") as stream, c2pa.Reader(None, stream, context=context) as reader:
        manifest = reader.get_active_manifest()
        state = reader.get_validation_state()
    return state, manifest, {item["label"]: item["data"] for item in manifest["assertions"]}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".gif", ".png", ".jpg", ".webp"])
def test_an_independent_reader_trusts_every_format(
    ledger: Ledger, leave: Authorisation, tmp_path: Path, suffix: str
) -> None:
    receipt = release(tmp_path / f"a{suffix}", leave)
    state, _, stated = read(receipt.path, ensure_identity(ledger.keys).root_pem)
    assert state == "Trusted"
    assert stated["c2pa.soft-binding"]["blocks"][0]["value"] == receipt.output_id
    assert stated["fomm.output"]["output"] == receipt.output_id
    stranger = ensure_identity(Ledger(tmp_path / "elsewhere").keys)
    assert read(receipt.path, stranger.root_pem)[0] == "Valid"


def test_the_manifest_says_what_was_done(
    ledger: Ledger, leave: Authorisation, tmp_path: Path, photo_path: Path
) -> None:
    root = ensure_identity(ledger.keys).root_pem
    whole = release(tmp_path / "a.png", leave, Provenance(photo_path, model="m1", settings="s1"))
    pasted = release(tmp_path / "b.png", leave, Provenance(photo_path, composite=True))
    seen = {}
    for receipt in (whole, pasted):
        _, manifest, stated = read(receipt.path, root)
        actions = stated["c2pa.actions.v2"]["actions"]
        kind = actions[0]["digitalSourceType"].rpartition("/")[2]
        seen[receipt.path.name] = (kind, [a["action"] for a in actions], manifest["ingredients"][0]["relationship"])
        assert "thumbnail" not in json.dumps(manifest)
    assert seen["a.png"] == ("trainedAlgorithmicMedia", ["c2pa.created", "c2pa.watermarked.bound"], "inputTo")
    assert seen["b.png"] == (
        "compositeWithTrainedAlgorithmicMedia",
        ["c2pa.created", "c2pa.placed", "c2pa.watermarked.bound"],
        "componentOf",
    )
    statement = read(whole.path, root)[2]["fomm.output"]
    assert (statement["model"], statement["settings"]) == ("m1", "s1")
    assert re.fullmatch(r"AI generated, bottom-right, letters 5\.\d% of the short side high", statement["label"])
    assert statement["created"] == "2026-03-01T12:00:00Z"


def test_people_appear_as_references_only(
    ledger: Ledger, photo: bytes, terms: ConsentTerms, tmp_path: Path, photo_path: Path
) -> None:
    # Three letters stand somewhere in a compressed picture by chance; a longer name does not.
    ledger.grant(photo, replace(terms, subject="Ada Quillington-Featherby"))
    leave = authorise(photo, ledger=ledger)
    root = ensure_identity(ledger.keys).root_pem
    first, second = (release(tmp_path / name, leave, Provenance(photo_path)) for name in ("a.png", "b.png"))
    for private in (leave.consent.id, leave.consent.terms.subject, leave.photo.bytes_sha256, photo_path.name):
        assert private.encode() not in first.path.read_bytes()
    one, two = (read(receipt.path, root)[2]["fomm.output"] for receipt in (first, second))
    assert one["consent"] == reference(ledger.keys, first.output_id, "consent", leave.consent.id)
    assert one["photo"] != two["photo"]
    assert one["driving"] == ""


@pytest.fixture
def made_elsewhere(tmp_path: Path, clock: Clock, photo: bytes, terms: ConsentTerms) -> Path:
    """A generated picture of another user of fomm, with their manifest."""
    other = Ledger(tmp_path / "elsewhere", clock)
    other.grant(photo, terms)
    return release(tmp_path / "theirs.png", authorise(photo, ledger=other)).path


def test_incoming_manifests_are_kept(tmp_path: Path, ledger: Ledger, terms: ConsentTerms, made_elsewhere: Path) -> None:
    data = made_elsewhere.read_bytes()
    ledger.grant(data, terms)
    leave = authorise(data, ledger=ledger)
    root = ensure_identity(ledger.keys).root_pem

    def inputs() -> list[tuple[str, bool]]:
        receipt = release(tmp_path / "a.mp4", leave, Provenance(made_elsewhere, driving=made_elsewhere))
        state, manifest, _ = read(receipt.path, root)
        receipt.path.unlink()
        assert state == "Trusted"
        return [(item["title"], "active_manifest" in item) for item in manifest.get("ingredients", ())]

    assert inputs() == [("photo", True), ("driving", True)]
    made_elsewhere.write_bytes(data[:-20])  # exchanged since it was authorised, and damaged
    assert inputs() == []


def test_a_driving_clip_that_is_marked_is_noted(ledger: Ledger, leave: Authorisation, tmp_path: Path) -> None:
    driving = release(tmp_path / "driving.mp4", leave)
    receipt = release(tmp_path / "a.png", leave, Provenance(driving=driving.path))
    statement = read(receipt.path, ensure_identity(ledger.keys).root_pem)[2]["fomm.output"]
    assert statement["driving_mark"] == driving.output_id
    assert len(statement["driving"]) == 64
    driving.path.write_bytes(release(tmp_path / "other.mp4", leave).path.read_bytes())  # another clip of that name
    again = release(tmp_path / "b.png", leave, Provenance(driving=driving.path))
    statement = read(again.path, ensure_identity(ledger.keys).root_pem)[2]["fomm.output"]
    assert statement["driving_mark"] not in ("", driving.output_id)


@pytest.mark.parametrize("kind", ["es384", "es512", "ed25519", "ps256"])
def test_a_users_own_certificate_signs(leave: Authorisation, tmp_path: Path, kind: str) -> None:
    keys: dict[str, PrivateKey] = {
        "es384": ec.generate_private_key(ec.SECP384R1()),
        "es512": ec.generate_private_key(ec.SECP521R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
        "ps256": rsa.generate_private_key(65537, 2048),
    }
    authority, key = Authority(), keys[kind]
    signer = key_signer(key, [authority.leaf(key), authority.root])
    assert signer.algorithm == kind
    receipt = release_still(tmp_path / "a.jpg", Rendered(FRAME, leave), leave, signer=signer)
    assert receipt.manifest == "C2PA, signed by Studio"
    assert read(receipt.path, signer.root_pem)[0] == "Trusted"
