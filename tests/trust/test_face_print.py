"""A photo whose consent was revoked is told again when mirrored, cropped, turned, stretched, recoloured or saved anew.

The demo's portrait and skimage's astronaut: an invented person, and a picture in the public domain.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageOps
from trust_samples import encode, picture

from fomm.errors import ConsentError
from fomm.tasks.demo import demo_files
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.face_print import FaceLook, alike
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.photo import PhotoPrint
from fomm.trust.consent.request import import_signed, make_request, sign_request
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.signing_key import SigningKey

Change = Callable[[Image.Image], Image.Image]


def cut(left: float, top: float, right: float, bottom: float) -> Change:
    def crop(image: Image.Image) -> Image.Image:
        width, height = image.size
        return image.crop((int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height)))

    return crop


def washed(image: Image.Image) -> Image.Image:
    """Mirrored, turned, cut to the middle two thirds and stretched."""
    turned = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).rotate(12, Image.Resampling.BICUBIC)
    return cut(1 / 6, 1 / 6, 1 / 6, 1 / 6)(turned).resize((600, 700))


CHANGES: dict[str, Change] = {
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cropped by 30 px": lambda image: image.crop((30, 30, image.width - 30, image.height - 30)),
    "top cut off": cut(0, 0.1, 0, 0),
    "right cut off": cut(0, 0, 0.25, 0),
    "bottom cut off": cut(0, 0, 0, 0.3),
    "turned left": lambda image: image.rotate(5, Image.Resampling.BICUBIC),
    "turned right": lambda image: image.rotate(-5, Image.Resampling.BICUBIC),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "darkened": lambda image: image.point(lambda value: int(255 * (value / 255) ** 1.5)),
    "small": lambda image: image.resize((image.width // 2, image.height // 2)),
    "higher": lambda image: image.resize((image.width, round(1.15 * image.height))),
    "much higher": lambda image: image.resize((image.width, round(1.3 * image.height))),
    "wider": lambda image: image.resize((round(1.3 * image.width), image.height)),
    "negative": ImageOps.invert,
    "lying": lambda image: cut(0.05, 0.1, 0, 0.05)(image.transpose(Image.Transpose.ROTATE_90)),
    "washed": washed,
    "washed in the negative": lambda image: ImageOps.invert(washed(image)),
    "all at once": lambda image: (
        cut(0.1, 0.05, 0.05, 0.1)(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        .rotate(3, Image.Resampling.BICUBIC)
        .convert("L")
        .convert("RGB")
    ),
}


@pytest.fixture(scope="module")
def portrait() -> Image.Image:
    image = Image.open(demo_files()[0]).convert("RGB")
    image.thumbnail((512, 512))
    return image


def saved(image: Image.Image) -> bytes:
    return encode(np.asarray(image), "JPEG", quality=80)


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_copy_of_a_revoked_photo_needs_a_renewed_consent(
    ledger: Ledger, portrait: Image.Image, terms: ConsentTerms, change: Change
) -> None:
    ledger.revoke(ledger.grant(saved(portrait), terms).id)
    copy = saved(change(portrait))
    with pytest.raises(ConsentError, match="--renew"):
        ledger.grant(copy, terms)
    with pytest.raises(ConsentError):
        authorise(copy, ledger=ledger)
    renewed = ledger.grant(copy, terms, renew=True)
    assert authorise(copy, ledger=ledger).consent.id == renewed.id


@pytest.mark.parametrize("order", [1, -1], ids=["copy first", "photo first"])
def test_a_revocation_ends_the_consent_of_a_copy(
    ledger: Ledger, portrait: Image.Image, terms: ConsentTerms, order: int
) -> None:
    photo, copy = [saved(portrait), saved(CHANGES["all at once"](portrait))][::order]
    ledger.grant(copy, terms)
    consent = ledger.grant(photo, terms)
    authorise(copy, ledger=ledger)
    ledger.revoke(consent.id)
    with pytest.raises(ConsentError, match="same picture was revoked"):
        authorise(copy, ledger=Ledger(ledger.keys.directory, ledger.clock))


def test_a_copy_gives_no_leave(ledger: Ledger, portrait: Image.Image, terms: ConsentTerms) -> None:
    ledger.grant(saved(portrait), terms)
    for change in CHANGES.values():
        with pytest.raises(ConsentError):
            authorise(saved(change(portrait)), ledger=ledger)


def test_somebody_else_is_not_denied(ledger: Ledger, portrait: Image.Image, terms: ConsentTerms) -> None:
    ledger.revoke(ledger.grant(saved(portrait), terms).id)
    other = saved(Image.fromarray(skimage.data.astronaut()))
    ledger.grant(other, terms)
    assert authorise(other, ledger=ledger).consent.terms == terms


def test_a_signed_consent_carries_its_faces(ledger: Ledger, portrait: Image.Image, terms: ConsentTerms) -> None:
    key = SigningKey.generate()
    ledger.keys.pin_signer("ada", key.public)
    photo, copy = saved(portrait), saved(CHANGES["mirrored"](portrait))
    first = import_signed(ledger, sign_request(make_request(photo, terms), key, photo))
    ledger.revoke(first.id)
    with pytest.raises(ConsentError, match="--renew"):
        ledger.grant(copy, terms)
    request = make_request(photo, terms)
    stranger = FaceLook.of(skimage.data.astronaut()).prints
    with pytest.raises(ConsentError, match="not about"):
        sign_request({**request, "faces": list(stranger)}, key, photo)
    with pytest.raises(ConsentError, match="incomplete"):
        sign_request({**request, "faces": ["zz"]}, key, photo)


def test_prints_alone_tell_the_mirror_image(portrait: Image.Image) -> None:
    pixels = np.asarray(portrait)
    one, other = FaceLook.of(pixels).prints, FaceLook.of(np.ascontiguousarray(pixels[:, ::-1])).prints
    assert one
    assert one != other
    assert alike(one, other)
    assert not alike(one, FaceLook.of(skimage.data.astronaut()).prints)
    assert FaceLook.of(picture(1)).prints == ()


@pytest.mark.parametrize("name", ["higher", "much higher", "wider", "negative", "lying", "washed"])
def test_the_face_alone_tells_a_stretched_copy(portrait: Image.Image, name: str) -> None:
    """Whatever the print of the whole picture says: a crop has another one."""
    prints = FaceLook.of(np.asarray(portrait)).prints
    assert FaceLook.of(np.asarray(CHANGES[name](portrait))).shows(prints)
    assert not FaceLook.of(np.asarray(CHANGES[name](Image.fromarray(skimage.data.astronaut())))).shows(prints)


def test_a_bridge_of_lookalikes_does_not_renew(ledger: Ledger, terms: ConsentTerms) -> None:
    """A consent for a picture that only half looks like a revoked one must not stand for its renewal."""
    first, second = picture(1).astype(float), picture(2).astype(float)

    def blend(share: float) -> bytes:
        return encode(np.clip((1 - share) * first + share * second, 0, 255).astype(np.uint8))

    shares = np.linspace(0, 1, 41)
    ledger.revoke(ledger.grant(blend(0), terms).id)
    far = next(share for share in shares if not _near(blend(0), blend(share)))
    bridge = next(share for share in shares[::-1] if share < far and _near(blend(far), blend(share)))
    assert _near(blend(0), blend(bridge))
    ledger.grant(blend(far), terms)
    with pytest.raises(ConsentError, match="--renew"):
        ledger.grant(blend(bridge), terms)


def _near(left: bytes, right: bytes) -> bool:
    one, other = (PhotoPrint.of(data, np.asarray(Image.open(io.BytesIO(data)))) for data in (left, right))
    return one.near(other)
