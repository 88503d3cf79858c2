"""One grant for every picture in a folder: a licensed set of portraits is recorded in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fomm.errors import ConsentError, MediaError, TrustError
from fomm.media.photo.image import decode_image
from fomm.trust.consent.ledger import Ledger, new_consent_id
from fomm.trust.consent.photo import PhotoPrint
from fomm.trust.consent.terms import Consent, ConsentTerms, read_bytes

_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp"}
_COMPANIONS = ("_alpha", "_background")  # a portrait's matte, and the wall behind it without anybody


@dataclass(frozen=True)
class SetGrant:
    """What became of a set's pictures.

    Attributes:
        recorded: by path, the new consents.
        known: pictures that a consent with the same terms covers already.
        failed: by path, why a picture was not recorded, in a sentence.
    """

    recorded: dict[Path, Consent]
    known: tuple[Path, ...]
    failed: dict[Path, str]


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures in a folder, by name; hidden files and companions of portraits are passed over.

    Raises:
        ConsentError: the folder cannot be read or holds no picture.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURES and path.is_file())
    except OSError as error:
        raise ConsentError(f"The folder {folder} cannot be read: {error.strerror}.") from error
    stems = {path.stem for path in files}
    companions = {stem + ending for stem in stems for ending in _COMPANIONS}
    pictures = [path for path in files if path.stem not in companions and not path.name.startswith(".")]
    if not pictures:
        raise ConsentError(f"The folder {folder} holds no pictures; name a photo, or a folder of photos.")
    return pictures


def grant_pictures(ledger: Ledger, pictures: Sequence[Path], terms: ConsentTerms, *, renew: bool = False) -> SetGrant:
    """Record the same consent for each picture that no consent with these terms covers yet.

    Args:
        ledger: where to record.
        pictures: their paths.
        terms: what was agreed, or where the pictures come from.
        renew: the person agreed anew after an earlier consent was revoked.

    Raises:
        SettingsError: the consent has ended already.
        TrustError: the ledger or its key cannot be trusted.
    """
    recorded: dict[Path, Consent] = {}
    known: list[Path] = []
    failed: dict[Path, str] = {}
    for path in pictures:
        try:
            data = read_bytes(path, "picture")
            photo = PhotoPrint.of(data, decode_image(data, str(path)))
            if _stands(ledger, photo, terms):
                known.append(path)
            else:
                recorded[path] = ledger.record_grant(new_consent_id(), terms, photo, name=str(path), renew=renew)
        except TrustError:
            raise  # of the ledger, not of one picture
        except (ConsentError, MediaError) as error:
            failed[path] = str(error)
    return SetGrant(recorded, tuple(known), failed)


def _stands(ledger: Ledger, photo: PhotoPrint, terms: ConsentTerms) -> bool:
    """Say whether a consent of exactly this picture and these terms was recorded and not revoked since."""
    with ledger.view() as state:
        return any(
            consent.terms == terms
            and consent.photo.same(photo)
            and consent.id not in state.revocations
            and state.withdrawal(photo, since=consent.sequence) is None
            for consent in state.near(photo)
        )
