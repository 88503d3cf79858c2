from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trust_samples import Clock, encode, picture, portrait

from fomm.config.label import LabelSettings
from fomm.errors import ConsentError, OutputError, SettingsError, TrustError
from fomm.media.photo.image import read_image
from fomm.media.video import read_video
from fomm.media.whole_files import hash_file
from fomm.media.writer import EncodeSettings
from fomm.trust.consent.authorise import Authorisation, authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms
from fomm.trust.keys.certificates import ensure_identity
from fomm.trust.marks.legible import enlarged, exit_label
from fomm.trust.release import film as release_module
from fomm.trust.release.draft import WATERMARK_SECRET
from fomm.trust.release.film import Provenance, Receipt, Release, open_release, release_still
from fomm.trust.release.registry import Registry
from fomm.trust.release.rendered import Rendered
from fomm.trust.watermark import Watermark

SIZE = (128, 96)
FPS = Fraction(25)
FAST = EncodeSettings(preset="ultrafast")


@pytest.fixture
def leave(ledger: Ledger, photo: bytes, terms: ConsentTerms) -> Authorisation:
    ledger.grant(photo, terms)
    return authorise(photo, ledger=ledger)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def frames(count: int = 4) -> np.ndarray:
    return np.stack([portrait(seed, SIZE[1], SIZE[0]) for seed in range(count)])


def render(
    output: Path, leave: Authorisation, during: Callable[[Release], object] = lambda release: None, **options: object
) -> Receipt:
    """Release four frames; `during` is called before the last of them."""
    with open_release(output, leave, size=SIZE, fps=FPS, encode=FAST, **options) as release:  # type: ignore[arg-type]
        release.write(Rendered(frames(3), leave))
        during(release)
        release.write(Rendered(frames(1)[0], leave))
    return release.receipt


def test_a_release_is_labelled_registered_and_whole(ledger: Ledger, leave: Authorisation, out: Path) -> None:
    receipt = render(out / "a.mp4", leave, provenance=Provenance(model="m" * 8, settings="s" * 8))
    assert [entry.name for entry in out.iterdir()] == ["a.mp4"]
    shown = Registry(ledger).show(receipt.output_id)
    assert (shown.state, shown.sha256, shown.model) == ("released", hash_file(out / "a.mp4"), "m" * 8)
    assert receipt.frames == 4
    assert re.fullmatch(r"AI generated, bottom-right, letters 5\.\d% of the short side high", receipt.label)
    assert receipt.manifest == "C2PA, signed by fomm user"
    decoded = list(read_video(out / "a.mp4"))
    assert len(decoded) == 4
    label = exit_label(LabelSettings(), SIZE)
    x0, y0, x1, y1 = label.box
    for frame, plain in zip(decoded, [*frames(3), frames(1)[0]], strict=True):
        assert frame.shape[0] == 512  # enlarged, so that the marks last
        expected = label.apply(enlarged(plain))[y0:y1, x0:x1].astype(int)
        assert np.abs(frame[y0:y1, x0:x1] - expected).mean() < 12


def test_every_frame_carries_the_output_id(ledger: Ledger, leave: Authorisation, out: Path) -> None:
    size = (512, 512)
    pictures = [picture(seed, size[1], size[0]) for seed in range(3)]
    with open_release(out / "a.mp4", leave, size=size, fps=FPS, encode=FAST) as release:
        release.write(Rendered(np.stack(pictures * 2), leave))
    assert release.receipt.watermark == "read back"
    watermark = Watermark(ledger.keys.secret(WATERMARK_SECRET))
    assert watermark.detect(read_video(out / "a.mp4")).payload == bytes.fromhex(release.receipt.output_id)


def test_a_mark_that_does_not_read_back_releases_nothing(
    ledger: Ledger, leave: Authorisation, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watermark, "embedder", lambda *_, **__: lambda frame: frame)
    with pytest.raises(OutputError, match="does not survive"):
        render(out / "a.mp4", leave)
    assert list(out.iterdir()) == []
    assert [output.state for output in Registry(ledger).outputs()] == ["failed"]


def test_nothing_is_released_without_a_genuine_leave(out: Path) -> None:
    for fake in (None, object(), Authorisation.__new__(Authorisation)):
        with pytest.raises(ConsentError, match="authorise first"):
            render(out / "a.mp4", fake)  # type: ignore[arg-type]
        with pytest.raises(ConsentError, match="authorise first"):
            release_still(out / "a.png", Rendered(frames(1)[0], None), fake)  # type: ignore[arg-type]
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_any_failure_leaves_nothing(
    ledger: Ledger, leave: Authorisation, out: Path, failure: type[BaseException]
) -> None:
    opened: list[Release] = []

    def fail(release: Release) -> None:
        opened.append(release)
        raise failure

    with pytest.raises(failure):
        render(out / "a.mp4", leave, fail)
    assert list(out.iterdir()) == []
    assert [output.state for output in Registry(ledger).outputs()] == ["failed"]
    with pytest.raises(OutputError, match="not finished"):
        _ = opened[0].receipt


def test_a_bad_frame_cannot_be_swallowed(leave: Authorisation, out: Path) -> None:
    def swallow(release: Release) -> None:
        with pytest.raises(OutputError, match="takes uint8"):
            release.write(Rendered(frames().astype(np.float32), leave))

    with pytest.raises(OutputError, match="could not be written"):
        render(out / "a.mp4", leave, swallow)
    assert list(out.iterdir()) == []


def test_no_frame_is_no_release(leave: Authorisation, out: Path) -> None:
    with pytest.raises(OutputError, match="no frame"), open_release(out / "a.mp4", leave, size=SIZE, fps=FPS):
        pass
    assert list(out.iterdir()) == []


def test_revocation_stops_a_running_render(
    home: Path, clock: Clock, leave: Authorisation, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_module, "RECHECK_SECONDS", 0.0)
    opened: list[Release] = []

    def revoke(release: Release) -> None:
        opened.append(release)
        Ledger(home, clock).revoke(leave.consent.id)

    with pytest.raises(ConsentError, match="it was revoked"):
        render(out / "a.mp4", leave, revoke)
    assert opened[0].frames == 3
    assert list(out.iterdir()) == []


def test_revocation_during_the_last_second_is_seen_at_the_end(ledger: Ledger, leave: Authorisation, out: Path) -> None:
    with pytest.raises(ConsentError, match="it was revoked"):
        render(out / "a.mp4", leave, lambda release: ledger.revoke(leave.consent.id))
    assert list(out.iterdir()) == []


def test_the_cap_counts_releases(ledger: Ledger, terms: ConsentTerms, out: Path) -> None:
    data = encode(picture(9))
    ledger.grant(data, replace(terms, outputs=1))
    leave = authorise(data, ledger=ledger)
    with pytest.raises(OutputError, match="no frame"), open_release(out / "a.mp4", leave, size=SIZE, fps=FPS):
        pass
    render(out / "a.mp4", leave)
    with pytest.raises(ConsentError, match="allows 1 output and"):
        render(out / "b.mp4", leave)
    assert [entry.name for entry in out.iterdir()] == ["a.mp4"]


def test_places_that_must_not_be_written_are_refused(leave: Authorisation, out: Path) -> None:
    driving = out / "talk.mp4"
    driving.write_bytes(b"a video")
    (out / "link.mp4").symlink_to(driving)
    os.mkfifo(out / "pipe.mp4")
    made_of = Provenance(driving=driving)
    (out / "folder.mp4").mkdir()
    cases = [
        (out / "folder.mp4", False, "is a folder"),
        (out / "gone" / "a.mp4", False, "does not exist"),
        (driving, False, "is one of the inputs"),
        (driving, True, "is one of the inputs"),
        (out / "link.mp4", True, "is one of the inputs"),
        (out / "pipe.mp4", True, "not a plain file"),
        (out / ".." / "out" / "talk.mp4", True, "is one of the inputs"),
        (out / ("x" * 300 + ".mp4"), False, "not a file name"),
        (out / "a\0b.mp4", False, "not a file name"),
        (out / "a.doc", False, r"\.doc"),
    ]
    for path, force, said in cases:
        with pytest.raises(OutputError, match=said):
            render(path, leave, provenance=made_of, force=force)
    assert driving.read_bytes() == b"a video"


def test_an_existing_file_is_kept_unless_forced(leave: Authorisation, out: Path) -> None:
    target = out / "a.mp4"
    target.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        render(target, leave)
    with pytest.raises(OutputError, match="exists already"):
        render(out / "b.mp4", leave, lambda release: (out / "b.mp4").write_bytes(b"made meanwhile"))
    assert (target.read_bytes(), (out / "b.mp4").read_bytes()) == (b"mine", b"made meanwhile")
    assert sorted(entry.name for entry in out.iterdir()) == ["a.mp4", "b.mp4"]
    assert render(target, leave, force=True).sha256 == hash_file(target)


def test_the_manifest_is_signed_before_the_file_appears(ledger: Ledger, leave: Authorisation, out: Path) -> None:
    own = ensure_identity(ledger.keys)
    seen: list[list[Path]] = []

    def sign(message: bytes) -> bytes:
        seen.append(list(out.iterdir()))
        return own.sign(message)

    receipt = render(out / "a.mp4", leave, signer=replace(own, sign=sign))
    assert len(seen) == 1
    assert out / "a.mp4" not in seen[0]
    assert receipt.sha256 == hash_file(out / "a.mp4")
    assert [entry.name for entry in out.iterdir()] == ["a.mp4"]


def test_a_signer_that_fails_releases_nothing(ledger: Ledger, leave: Authorisation, out: Path) -> None:
    own = ensure_identity(ledger.keys)

    def offline(message: bytes) -> bytes:
        raise OSError("the security module is offline")

    with pytest.raises(TrustError, match="could not sign the manifest: the security module is offline"):
        render(out / "a.mp4", leave, signer=replace(own, sign=offline))
    with pytest.raises(TrustError, match="does not read back as trusted"):
        render(out / "a.mp4", leave, signer=replace(own, sign=lambda message: b"\1" * 64))
    assert list(out.iterdir()) == []
    assert {output.state for output in Registry(ledger).outputs()} == {"failed"}


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_a_container_without_a_place_for_the_manifest_is_refused(
    ledger: Ledger, leave: Authorisation, out: Path, suffix: str
) -> None:
    with pytest.raises(OutputError, match=r"cannot carry a signed manifest.*\.mp4"):
        render(out / f"a{suffix}", leave)
    assert Registry(ledger).outputs() == []


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_still_is_released_like_a_video(ledger: Ledger, leave: Authorisation, out: Path, suffix: str) -> None:
    receipt = release_still(out / f"a{suffix}", Rendered(frames(1)[0], leave), leave)
    assert Registry(ledger).show(receipt.output_id).state == "released"
    with Image.open(out / f"a{suffix}") as image:
        assert receipt.output_id in image.getexif()[0x010E]
    label = exit_label(LabelSettings(), SIZE)
    x0, y0, x1, y1 = label.box
    labelled = label.apply(enlarged(frames(1)[0]))[y0:y1, x0:x1].astype(int)
    assert np.abs(read_image(out / f"a{suffix}")[y0:y1, x0:x1] - labelled).mean() < 12
    with pytest.raises(OutputError, match=r"as a picture.*\.png"):
        release_still(out / "a.mp4", Rendered(frames(1)[0], leave), leave)
    with pytest.raises(OutputError, match="A still is"):
        release_still(out / "b.png", Rendered(frames(2), leave), leave)


def test_a_label_that_does_not_fit_is_refused_before_anything_is_reserved(
    ledger: Ledger, leave: Authorisation, out: Path
) -> None:
    with pytest.raises(SettingsError, match="shorten"):
        render(out / "a.mp4", leave, label=LabelSettings(text="generated by a large neural network", scale=2.0))
    assert Registry(ledger).outputs() == []


SLOW_RENDER = """
import sys, time
from fractions import Fraction
from pathlib import Path
import numpy as np
from fomm.trust.consent.authorise import authorise
from fomm.trust.consent.ledger import Ledger
from fomm.trust.marks.legible import enlarged, exit_label
from fomm.trust.release.film import Rendered, open_release
home, photo, output = map(Path, sys.argv[1:])
leave = authorise(photo.read_bytes(), ledger=Ledger(home))
with open_release(output, leave, size=(128, 96), fps=Fraction(25)) as release:
    while True:
        release.write(Rendered(np.zeros((5, 96, 128, 3), np.uint8), leave))
        print("frame", flush=True)
        time.sleep(0.01)
"""


@pytest.fixture
def slow_render(tmp_path: Path, out: Path) -> Callable[[int], tuple[int, Ledger, bytes]]:
    """Return a function that starts a render in another process, sends it a signal and waits for its end."""

    def run(number: int) -> tuple[int, Ledger, bytes]:
        ledger, data = Ledger(tmp_path / "real"), encode(picture(2))
        ledger.grant(data, ConsentTerms(subject="Ada", expires="2999-01-01", statement="Yes."))
        (tmp_path / "photo.png").write_bytes(data)
        command = [sys.executable, "-c", SLOW_RENDER, tmp_path / "real", tmp_path / "photo.png", out / "a.mp4"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"frame\n"
            process.send_signal(number)
            return process.wait(timeout=30), ledger, data

    return run


def test_sigterm_leaves_nothing(slow_render: Callable[[int], tuple[int, Ledger, bytes]], out: Path) -> None:
    code, ledger, _ = slow_render(signal.SIGTERM)
    assert code == 128 + signal.SIGTERM
    assert list(out.iterdir()) == []
    assert [output.state for output in Registry(ledger).outputs()] == ["failed"]


def test_leftovers_of_a_killed_render_are_swept_by_the_next(
    slow_render: Callable[[int], tuple[int, Ledger, bytes]], out: Path
) -> None:
    code, ledger, data = slow_render(signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not (out / "a.mp4").exists()
    foreign = out / ".fomm-ffffffff-ffffffff-1-1-00000000.part.mp4"
    foreign.write_bytes(b"of a render on another machine")
    time.sleep(0.2)  # the orphaned encoder notices the closed pipe
    render(out / "a.mp4", authorise(data, ledger=ledger))
    assert sorted(entry.name for entry in out.iterdir()) == [foreign.name, "a.mp4"]
    assert sorted(output.state for output in Registry(ledger).outputs()) == ["failed", "released"]
