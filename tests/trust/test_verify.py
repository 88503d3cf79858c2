from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import c2pa
import numpy as np
import pytest
import skimage.data
from PIL import Image
from trust_samples import Clock, encode, picture

from fomm.cli.main import commands
from fomm.errors import MediaError, TrustError
from fomm.media.photo.image import read_image
from fomm.media.writer import EncodeSettings
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.certificates import ensure_identity
from fomm.trust.marks.manifest_reader import Pins, read_manifest
from fomm.trust.marks.verify import VERDICTS, Report, verify
from fomm.trust.release.draft import Draft
from fomm.trust.release.film import open_release, release_still
from fomm.trust.release.rendered import Rendered
from fomm.trust.watermark import Watermark

SIDE = 512
FRAMES = 20


@dataclass(frozen=True)
class Studio:
    """A ledger and what was released under it: a clip, another clip, and a still."""

    ledger: Ledger
    leave: Authorisation
    clip: Path
    other: Path
    still: Path
    ids: dict[Path, str]

    def verify(self, path: Path) -> Report:
        return verify(path, self.ledger, deep=False)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("studio")
    ledger, photo = Ledger(folder / "home", Clock()), encode(picture(1))
    terms = ConsentTerms(subject="Ada", expires="2027-01-31", statement="Yes.")
    ledger.grant(photo, terms)
    leave = authorise(photo, ledger=ledger)
    face, ids = skimage.data.astronaut(), {}
    for name, count in (("clip.mp4", FRAMES), ("other.mp4", 10)):
        encode_fast = EncodeSettings(preset="ultrafast")
        with open_release(folder / name, leave, size=(SIDE, SIDE), fps=Fraction(25), encode=encode_fast) as release:
            for step in range(count):
                release.write(Rendered(np.roll(face, 3 * step, axis=1), leave))
        ids[folder / name] = release.receipt.output_id
    ids[folder / "still.png"] = release_still(folder / "still.png", Rendered(face, leave), leave).output_id
    return Studio(ledger, leave, folder / "clip.mp4", folder / "other.mp4", folder / "still.png", ids)


def seals(report: Report) -> tuple[str, str, str]:
    return report.verdict, report.manifest.state, report.watermark.state


def boxes(data: bytes) -> dict[bytes, tuple[int, int]]:
    """Return where each top-level box of an MP4 file lies, as (start, end)."""
    found, place = {}, 0
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        found[kind] = (place, place + length)
        place += length
    return found


def manifest_chunk(png: bytes) -> bytes:
    """Return the chunk of a PNG that holds its manifest."""
    start = png.index(b"caBX") - 4
    return png[start : start + 12 + struct.unpack(">I", png[start : start + 4])[0]]


def test_an_untouched_file_is_intact(studio: Studio) -> None:
    for path in (studio.clip, studio.still):
        report = studio.verify(path)
        assert seals(report) == ("intact", "trusted", "found")
        assert report.exit_code == 0
        assert report.watermark.id == report.manifest.output_id == studio.ids[path]
        assert report.watermark.confidence > 0.9
        assert report.watermark.false_accept_bound < 1e-6
        assert (report.registry.state, report.registry.exact) == ("released", True)
        assert (report.registry.consent, report.registry.consent_state) == (studio.leave.consent.id, "active")


def test_a_flipped_bit_is_told(studio: Studio, tmp_path: Path) -> None:
    data = bytearray(studio.clip.read_bytes())
    start, end = boxes(bytes(data))[b"mdat"]
    data[(start + 3 * end) // 4] ^= 1
    (tmp_path / "a.mp4").write_bytes(data)
    report = studio.verify(tmp_path / "a.mp4")
    assert seals(report) == ("altered", "tampered", "found")
    assert report.manifest.known_signer
    assert not report.registry.exact


def test_a_flipped_bit_in_the_manifest_is_told(studio: Studio, tmp_path: Path) -> None:
    data = studio.still.read_bytes()
    chunk = manifest_chunk(data)
    body = bytearray(chunk[4:-4])
    body[body.index(b"trainedAlgorithmicMedia")] ^= 1
    forged = chunk[:4] + body + struct.pack(">I", zlib.crc32(body))
    (tmp_path / "a.png").write_bytes(data.replace(chunk, forged))
    assert seals(studio.verify(tmp_path / "a.png")) == ("altered", "tampered", "found")


@pytest.mark.filterwarnings("ignore::fomm.media.limits.MediaWarning")
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_truncated_file_is_told(studio: Studio, tmp_path: Path, share: float) -> None:
    for path in (studio.clip, studio.still):
        cut = tmp_path / path.name
        cut.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
        report = studio.verify(cut)
        assert report.verdict == "truncated"
        assert report.manifest.state == "tampered"


def test_a_strangers_signature_is_told(studio: Studio, tmp_path: Path) -> None:
    stranger = ensure_identity(Ledger(tmp_path / "stranger").keys)
    signer = c2pa.Signer.from_callback(stranger.sign, c2pa.C2paSigningAlg.ES256, stranger.chain_pem)
    forged = tmp_path / "a.mp4"
    action = {"action": "c2pa.created", "digitalSourceType": "http://c2pa.org/digitalsourcetype/empty"}
    statement = {"label": "fomm.output", "data": {"output": studio.ids[studio.other]}}
    definition = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}, statement]}
    with c2pa.Builder(json.dumps(definition)) as builder:
        builder.sign_file(studio.clip, forged, signer)
    report = studio.verify(forged)
    assert seals(report) == ("resigned", "untrusted", "found")
    assert report.registry.output_id == studio.ids[studio.clip]  # the watermark's word, not the stranger's
    pinned = verify(forged, studio.ledger, roots=[stranger.root_pem], deep=False)
    assert pinned.manifest.state == "trusted"
    assert pinned.verdict == "copied"  # trusted or not, it names another output than the pictures do


def test_a_copied_manifest_is_told(studio: Studio, tmp_path: Path) -> None:
    clip, other = studio.clip.read_bytes(), studio.other.read_bytes()
    (start, end), (from_start, from_end) = boxes(clip)[b"uuid"], boxes(other)[b"uuid"]
    assert end - start == from_end - from_start
    (tmp_path / "a.mp4").write_bytes(clip[:start] + other[from_start:from_end] + clip[end:])
    report = studio.verify(tmp_path / "a.mp4")
    assert seals(report) == ("copied", "tampered", "found")
    assert report.watermark.id == studio.ids[studio.clip]
    assert report.manifest.output_id == studio.ids[studio.other]

    plain = encode(picture(7, 256, 256))
    head = 8 + 25  # signature and the IHDR chunk
    (tmp_path / "b.png").write_bytes(plain[:head] + manifest_chunk(studio.still.read_bytes()) + plain[head:])
    assert seals(studio.verify(tmp_path / "b.png")) == ("copied", "tampered", "absent")


def test_a_manifest_on_what_cannot_be_decoded_says_nothing_of_it(studio: Studio, tmp_path: Path) -> None:
    jpeg = tmp_path / "still.jpg"
    release_still(jpeg, Rendered(skimage.data.astronaut(), studio.leave), studio.leave)
    data, segments, place = jpeg.read_bytes(), b"", 2
    while data[place + 1] != 0xDA:
        end = place + 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
        segments += data[place:end] if data[place + 1] == 0xEB else b""
        place = end
    huge = encode(np.full((900, 17000, 3), 90, np.uint8), "JPEG")  # wider than any picture that is decoded
    (tmp_path / "huge.jpg").write_bytes(huge[:2] + segments + huge[2:])
    clip = bytearray(studio.clip.read_bytes())
    start, end = boxes(bytes(clip))[b"mdat"]
    clip[start + 8 : end] = bytes(end - start - 8)
    (tmp_path / "empty.mp4").write_bytes(clip)
    for path in (tmp_path / "huge.jpg", tmp_path / "empty.mp4"):
        report = studio.verify(path)
        assert seals(report) == ("unclear", "tampered", "unreadable")
        assert report.exit_code == 18
        assert "Made with fomm" not in report.summary
    altered = bytearray(studio.clip.read_bytes())
    altered[(start + 3 * end) // 4] ^= 1
    (tmp_path / "a.mp4").write_bytes(altered)
    elsewhere = verify(
        tmp_path / "a.mp4", Ledger(tmp_path / "nobody"), roots=[ensure_identity(studio.ledger.keys).root_pem]
    )
    assert seals(elsewhere) == ("unclear", "tampered", "unavailable")


def test_a_signed_file_without_the_mark_that_it_names_is_told(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as exit_undone:
        exit_undone.setattr(Watermark, "embedder", lambda *_, **__: lambda frame: frame)
        exit_undone.setattr(Draft, "read_back", lambda *_: "read back")
        release_still(tmp_path / "a.png", Rendered(skimage.data.astronaut(), studio.leave), studio.leave)
    report = studio.verify(tmp_path / "a.png")
    assert seals(report) == ("unheld", "trusted", "absent")
    assert report.exit_code == 17
    root = ensure_identity(studio.ledger.keys).root_pem
    stranger = Ledger(tmp_path / "stranger")
    stranger.keys.secret("watermark")  # reads its own marks, and no other key store's
    assert seals(verify(studio.still, stranger, roots=[root], deep=False)) == ("intact", "trusted", "absent")


def test_added_bytes_are_told(studio: Studio, tmp_path: Path) -> None:
    padded = tmp_path / "a.mp4"
    padded.write_bytes(studio.clip.read_bytes() + struct.pack(">I4s", 64, b"free") + bytes(56))
    report = studio.verify(padded)
    assert seals(report) == ("intact", "trusted", "found")
    assert report.exit_code == 0
    assert "bytes were added" in report.summary
    assert "unchanged since" not in report.summary
    assert "unchanged since" in studio.verify(studio.clip).summary


def test_a_remux_and_a_cut_keep_the_watermark(
    studio: Studio, tmp_path: Path, ffmpeg_command: Callable[..., None]
) -> None:
    remux, cut = tmp_path / "remux.mp4", tmp_path / "cut.mkv"
    ffmpeg_command("-i", str(studio.clip), "-c", "copy", str(remux))
    ffmpeg_command("-ss", "0.16", "-i", str(studio.clip), "-vf", "crop=480:480:16:16", "-preset", "ultrafast", str(cut))
    for path in (remux, cut):
        report = studio.verify(path)
        assert seals(report) == ("marked", "absent", "found")
        assert report.watermark.id == studio.ids[studio.clip]
        assert report.registry.consent_state == "active"
    assert read_manifest(remux).state == "absent"


def test_a_saved_copy_of_a_still_keeps_the_watermark(studio: Studio, tmp_path: Path) -> None:
    Image.fromarray(read_image(studio.still)).save(tmp_path / "copy.jpg", quality=80)
    assert seals(studio.verify(tmp_path / "copy.jpg")) == ("marked", "absent", "found")


@pytest.mark.filterwarnings("ignore::fomm.media.limits.MediaWarning")
def test_an_unmarked_file_says_so(studio: Studio, tmp_path: Path, make_video: Callable[..., Path]) -> None:
    path = make_video(tmp_path / "a.mp4", frames=10, size=(256, 256), extra=("-movflags", "+faststart"))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(path.read_bytes()[:-100])
    for each in (path, cut):
        report = studio.verify(each)
        assert seals(report) == ("unmarked", "absent", "absent")
        assert report.registry.output_id == ""


def test_what_is_neither_picture_nor_video_is_refused(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a video at all" * 50)
    for path in (tmp_path / "a.mp4", tmp_path / "gone.png"):
        with pytest.raises(MediaError):
            studio.verify(path)


def test_elsewhere_the_root_alone_shows_that_it_is_whole(studio: Studio, tmp_path: Path) -> None:
    nobody = Ledger(tmp_path / "nobody")
    assert verify(studio.clip, nobody).verdict == "foreign"
    report = verify(studio.clip, nobody, roots=[ensure_identity(studio.ledger.keys).root_pem])
    assert seals(report) == ("intact", "trusted", "unavailable")
    assert report.registry.state == "unknown"
    assert list(tmp_path.iterdir()) == []  # looking makes no keys


def test_a_leaf_of_the_same_authority_is_not_ours(studio: Studio) -> None:
    signer = ensure_identity(studio.ledger.keys)
    assert read_manifest(studio.still, Pins.of(signer)).state == "trusted"
    assert read_manifest(studio.still, Pins(signer.root_pem, frozenset({signer.serial + 1}))).state == "untrusted"


def test_a_broken_ledger_does_not_hide_the_marks(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise TrustError("The consent ledger was changed.")

    monkeypatch.setattr(Ledger, "view", broken)
    report = studio.verify(studio.clip)
    assert report.verdict == "intact"
    assert (report.registry.state, report.registry.detail) == ("unavailable", "The consent ledger was changed.")


def test_a_marked_photo_is_refused_and_told_how_to_verify(studio: Studio, tmp_path: Path) -> None:
    jpeg = io.BytesIO()
    Image.fromarray(read_image(studio.still)).save(jpeg, "JPEG", quality=90)  # no manifest left
    for data in (studio.still.read_bytes(), jpeg.getvalue()):
        with pytest.raises(TrustError, match=f"output {studio.ids[studio.still]} of fomm.*fomm verify me.png"):
            authorise(data, ledger=studio.ledger, name="me.png")


def test_the_command_line_prints_one_json_object(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOMM_HOME", str(studio.ledger.keys.directory))
    assert commands.main(["verify", "--json", str(studio.still)], standalone_mode=False) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {
        "schema", "file", "verdict", "exit_code", "summary", "kind", "manifest", "watermark", "registry", "consent"
    }  # fmt: skip
    assert (found["schema"], found["verdict"], found["exit_code"]) == (1, "intact", 0)
    assert set(found["watermark"]) == {"state", "detail", "id", "confidence", "false_accept_bound", "frames"}
    assert set(found["manifest"]) == {"state", "detail", "known_signer", "signer", "statement", "codes"}
    assert set(found["registry"]) == {"state", "detail", "output_id", "exact"}
    assert found["consent"] == {"id": studio.leave.consent.id, "state": "active", "revoked": False}
    copy = tmp_path / "copy.png"
    Image.fromarray(read_image(studio.still)).save(copy)
    assert commands.main(["verify", str(copy)], standalone_mode=False) == 10
    assert studio.ids[studio.still] in capsys.readouterr().out


def test_exit_codes_are_stable() -> None:
    assert {name: code for name, (code, _) in VERDICTS.items()} == {
        "intact": 0, "marked": 10, "unmarked": 11, "altered": 12, "truncated": 13, "copied": 14, "resigned": 15,
        "foreign": 16, "unheld": 17, "unclear": 18,
    }  # fmt: skip


def test_a_revoked_consent_shows(studio: Studio) -> None:
    studio.ledger.revoke(studio.leave.consent.id)  # last in this file: the others need it active
    report = studio.verify(studio.still)
    assert (report.verdict, report.registry.consent_state) == ("intact", "revoked")
    assert report.to_mapping()["consent"]["revoked"] is True
