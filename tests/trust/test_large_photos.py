"""A photo that is decoded reduced is still the whole photo to the ledger: told by all its bytes or all its pixels."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trust_samples import encode, picture

from fomm.config.refine import Fit
from fomm.errors import ConsentError, TrustError
from fomm.media.photo.image import decode_image, decode_photo
from fomm.trust.consent import photo as photo_room
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger, new_consent_id
from fomm.trust.consent.photo import NEAR_BITS, PhotoPrint, hamming, perceptual_hash
from fomm.trust.consent.request import make_request, sign_request
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.signing_key import SigningKey
from fomm.trust.marks.already_marked import WATERMARK_SECRET
from fomm.trust.watermark import Watermark

SMALL = Fit(64)
PORTRAIT = Path(__file__).parents[2] / "demo" / "portrait.jpg"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the photos whose pixels were all decoded to be hashed."""
    names: list[str] = []
    decode = photo_room.decode_bands

    def counted(data: bytes, name: str) -> object:
        names.append(name)
        return decode(data, name)

    monkeypatch.setattr(photo_room, "decode_bands", counted)
    return names


def turned(pixels: np.ndarray) -> bytes:
    """Return a PNG that holds the picture on its side and says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(pixels))).save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def test_the_picture_is_reduced_and_the_fingerprint_is_not(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> None:
    ledger.grant(photo, terms)
    leave = authorise(photo, ledger=ledger, fit=SMALL)
    assert max(leave.image.shape[:2]) == 64
    assert leave.photo.size == (80, 96)
    assert not leave.image.flags.writeable


def test_a_record_of_the_release_before_stands(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> None:
    pixels = picture(1)
    as_before = hashlib.sha256(b"fomm pixels\n" + struct.pack(">QQ", *pixels.shape[:2]) + pixels.tobytes()).hexdigest()
    old = PhotoPrint(hashlib.sha256(photo).hexdigest(), as_before, 80, 96, perceptual_hash(pixels))
    consent = ledger.record_grant(new_consent_id(), terms, old, name="photo", renew=False)
    for same in (photo, encode(pixels, "TIFF"), turned(pixels)):
        assert authorise(same, ledger=ledger, fit=SMALL).consent.id == consent.id
    assert PhotoPrint.complete(photo, "photo").pixels_sha256 == as_before


def test_another_pixel_is_another_photo_however_it_is_reduced(
    ledger: Ledger, photo: bytes, terms: ConsentTerms
) -> None:
    consent = ledger.grant(photo, terms)
    other = picture(1)
    other[50, 40, 1] ^= 1
    with pytest.raises(ConsentError, match=rf"looks like the photo of consent {consent.id}, re-saved"):
        authorise(encode(other), ledger=ledger, fit=SMALL)


def test_pixels_are_hashed_only_where_they_could_decide(
    ledger: Ledger, photo: bytes, terms: ConsentTerms, hashed: list[str], resave: Callable[[bytes], bytes]
) -> None:
    ledger.grant(photo, terms, name="granted")
    assert hashed == ["granted"]
    ledger.grant(encode(picture(2)), terms, name="other of the same size")
    del hashed[:]
    authorise(photo, ledger=ledger, name="known bytes")
    for stranger in (encode(picture(3)), resave(photo)):
        with pytest.raises(ConsentError):
            authorise(stranger, ledger=ledger)
    assert not hashed
    authorise(encode(picture(1), "TIFF"), ledger=ledger, name="saved again")
    assert hashed == ["saved again"]
    exact, alike = ledger.find(encode(picture(1), "TIFF"), "found")
    assert (len(exact), len(alike)) == (1, 0)
    assert hashed == ["saved again", "found"]


def test_a_revoked_photo_that_is_saved_again_is_denied(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> None:
    ledger.revoke(ledger.grant(photo, terms).id)
    with pytest.raises(ConsentError, match="it was revoked on"):
        authorise(encode(picture(1), "TIFF"), ledger=ledger, fit=SMALL)


def test_of_a_huge_photo_only_the_same_file_is_known(
    ledger: Ledger, photo: bytes, terms: ConsentTerms, monkeypatch: pytest.MonkeyPatch, hashed: list[str]
) -> None:
    monkeypatch.setattr(photo_room, "_MOST_HASHED", 1000)
    consent = ledger.grant(photo, terms)
    assert authorise(photo, ledger=ledger).consent.id == consent.id
    with pytest.raises(ConsentError, match="re-saved"):
        authorise(encode(picture(1), "TIFF"), ledger=ledger)
    assert not hashed


def test_a_record_without_a_hash_of_pixels_matches_no_other_file(photo: bytes) -> None:
    first = PhotoPrint.seen(photo, decode_photo(photo, "a"))
    second = PhotoPrint.seen(encode(picture(1), "TIFF"), decode_photo(photo, "a"))
    assert first.pixels_sha256 == second.pixels_sha256 == ""
    assert not first.same(second)
    with pytest.raises(ValueError, match="not the bytes"):
        first.with_pixels(b"others", "b")


def test_a_request_knows_a_photo_that_was_saved_again(photo: bytes, terms: ConsentTerms) -> None:
    request = make_request(photo, terms, "photo")
    key = SigningKey.generate()
    assert sign_request(request, key, encode(picture(1), "TIFF"))["request"] == request
    with pytest.raises(ConsentError, match="not about"):
        sign_request(request, key, encode(picture(2)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("seed", range(4))
def test_a_reduced_photo_looks_like_itself(kind: str, seed: int) -> None:
    pixels = np.asarray(Image.fromarray(picture(seed, 240, 180)).resize((1440, 1920), Image.Resampling.BICUBIC))
    data = encode(pixels, kind)
    whole = perceptual_hash(decode_image(data, "photo"))
    for side in (1080, 640, 333):
        near = hamming(whole, perceptual_hash(decode_photo(data, "photo", fit=Fit(side)).pixels))
        assert near <= NEAR_BITS // 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_marked_picture_is_no_photo(ledger: Ledger, terms: ConsentTerms, kind: str) -> None:
    with Image.open(PORTRAIT) as portrait:
        pixels = np.asarray(portrait.convert("RGB").resize((4000, 4000), Image.Resampling.BICUBIC))
    mark = Watermark(ledger.keys.secret(WATERMARK_SECRET)).embedder(bytes(range(8)), *pixels.shape[:2])
    data = encode(mark(pixels), kind)
    ledger.grant(data, terms)
    with pytest.raises(TrustError, match="is not a photo but output"):
        authorise(data, ledger=ledger, fit=Fit(2160))
