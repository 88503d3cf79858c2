"""The main job from end to end on a model that is tiny but real."""

from dataclasses import replace
from fractions import Fraction

import av
import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from fomm.errors import ConsentError, FaceError, MediaError, MotionError, OutputError, SettingsError
from fomm.studio.words import receipt_line
from fomm.tasks.tracking import MotionWarning
from fomm.track.track import MotionTrack
from fomm.trust.consent.terms import ConsentTerms

FPS = Fraction(30000, 1001)


def watch(path):
    """Return frames, exact rate and seconds of sound of a file, with nothing of our own reading it."""
    with av.open(str(path)) as clip:
        rate = clip.streams.video[0].average_rate
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    with av.open(str(path)) as clip:
        samples = sum(part.samples for part in clip.decode(audio=0)) if clip.streams.audio else 0
        return frames, rate, samples / clip.streams.audio[0].rate if samples else 0.0


@pytest.fixture
def reads(monkeypatch, pipeline):
    """Names of the driving clips whose motion was read: what is refused early reads none."""
    names = []
    track = pipeline.track

    def noted(driving, *rest):
        names.append(driving.name)
        return track(driving, *rest)

    monkeypatch.setattr(pipeline, "track", noted)
    return names


def test_photo_becomes_a_clip_with_the_driving_clips_time_and_sound(pipeline, portrait_photo, talk, tmp_path, settings):
    seen = []
    output = tmp_path / "out.mp4"
    receipt = pipeline.animate(portrait_photo, talk, output, settings(), progress=lambda *report: seen.append(report))
    frames, rate, sound = watch(output)
    assert receipt.path == output
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert len(frames) == receipt.frames == 20
    assert rate == FPS
    assert abs(sound - 20 / FPS) < 1 / FPS
    photo = iio.imread(portrait_photo)
    assert frames[0].shape == (612, 512, 3)  # the photo's own shape, enlarged so that its watermark lasts
    frames = [np.asarray(Image.fromarray(frame).resize((251, 300))) for frame in frames]
    assert seen[-1] == ("render", 20, 20)
    assert [report for report in seen if report[0] == "track"][-1] == ("track", 20, 20)
    # The face moves, what lies far from it does not.
    steps = np.abs(np.diff(np.stack(frames).astype(int), axis=0)).mean(axis=(0, 3))  # [H, W]
    assert steps[50:150, 80:170].mean() > 3 * steps[:, :12].mean()
    assert np.abs(frames[10][:200, :12].astype(int) - photo[:200, :12]).mean() < 8
    assert "AI generated" in receipt.label
    corner = {"left": np.s_[:, 5:80], "right": np.s_[:, 170:245]}[receipt.label.split(", ")[1].rpartition("-")[2]]
    rows = slice(270, 296) if "bottom" in receipt.label else slice(4, 30)
    marked, plain = frames[10][rows][corner].astype(int), photo[rows][corner]
    assert np.abs(marked - plain).mean() > 15
    assert marked.max() > 200  # white letters


def test_no_consent_no_clip(pipeline, portrait_photo, talk, tmp_path, settings, reads):
    other = tmp_path / "other.png"
    iio.imwrite(other, iio.imread(portrait_photo)[5:, 5:])
    with pytest.raises(ConsentError, match="fomm consent grant"):
        pipeline.animate(other, talk, tmp_path / "out.mp4", settings())
    with pytest.raises(ConsentError, match="broadcast"):
        pipeline.animate(portrait_photo, talk, tmp_path / "out.mp4", settings(use="broadcast"))
    assert [path.name for path in tmp_path.iterdir()] == ["other.png"]
    assert reads == []


def test_a_motion_track_takes_the_clips_place(pipeline, portrait_photo, talk, motion_file, tmp_path, settings, kept):
    pipeline.animate(portrait_photo, talk, tmp_path / "out.mp4", settings())
    wanted = np.stack(kept)
    assert len(wanted) == 20
    for _ in range(2):  # and once more, for the same call gives the same frames
        pipeline.animate(portrait_photo, motion_file, tmp_path / "out.mp4", settings())
        assert np.array_equal(np.stack(kept), wanted)


def test_frames_without_the_face_are_bridged(pipeline, portrait_photo, make_talk, tmp_path, settings, kept):
    clip = make_talk(tmp_path / "gap.mp4", frames=20, blank=range(7, 13))
    with pytest.warns(MotionWarning, match=r"10 of 20 frames \(10 no face\)"):
        track = pipeline.track(clip, settings(face={"interval": 4}))
    assert track.found.tolist() == [i not in range(5, 15) for i in range(20)]  # nor are frames beside a gap trusted
    middle, ends = track.value[5:15], track.value[[4, 15]]
    low, high = ends.amin(0) - 1e-5, ends.amax(0) + 1e-5
    assert bool(((middle >= low) & (middle <= high)).all())
    track.save(tmp_path / "gap.safetensors")
    pipeline.animate(portrait_photo, tmp_path / "gap.safetensors", tmp_path / "out.mp4", settings())
    assert len(kept) == 20


def test_the_receipt_says_how_many_frames_are_bridged_and_why(
    pipeline, portrait_photo, motion, motion_file, tmp_path, settings
):
    found = motion.found.clone()
    found[3:7] = False
    replace(motion, found=found, bridges=(("dark", 4),)).save(tmp_path / "gap.safetensors")
    receipt = pipeline.animate(portrait_photo, tmp_path / "gap.safetensors", tmp_path / "gap.mp4", settings())
    assert "4 of 20 frames (4 dark)" in receipt.bridged
    assert receipt.bridged in receipt_line(receipt)
    whole = pipeline.animate(portrait_photo, motion_file, tmp_path / "whole.mp4", settings())
    assert whole.bridged == ""
    assert "driving clip" not in receipt_line(whole)


def test_a_clip_without_a_face_is_refused_unless_its_place_is_given(
    pipeline, portrait_photo, make_video, tmp_path, settings, kept
):
    clip = make_video(tmp_path / "pattern.mp4", frames=6, size=(96, 64))
    with pytest.raises(FaceError, match=r"pattern\.mp4.*--driving-box"):
        pipeline.animate(portrait_photo, clip, tmp_path / "out.mp4", settings())
    with pytest.raises(FaceError, match=r"pattern\.mp4.*inside --driving-box.*--any-face"):
        pipeline.animate(portrait_photo, clip, tmp_path / "out.mp4", settings(face={"driving_box": (10, 5, 50, 50)}))
    by_hand = settings(face={"driving_box": (10, 5, 50, 50), "any_face": True})
    pipeline.animate(portrait_photo, clip, tmp_path / "out.mp4", by_hand)
    assert len(kept) == 6


def test_a_photo_without_a_face_is_refused_unless_its_place_is_given(
    pipeline, ledger, motion_file, make_photo, tmp_path, settings, kept, reads
):
    photo = make_photo(tmp_path / "hills.png", size=(90, 70))
    terms = ConsentTerms(kind="no_living_subject", origin="public-domain", source="drawn by the test")
    ledger.grant(photo.read_bytes(), terms, name="hills.png")
    with pytest.raises(FaceError, match=r"hills\.png.*--source-box"):
        pipeline.animate(photo, motion_file, tmp_path / "out.mp4", settings())
    assert reads == []
    with pytest.raises(FaceError, match=r"hills\.png.*inside --source-box.*--any-face"):
        pipeline.animate(photo, motion_file, tmp_path / "out.mp4", settings(face={"source_box": (20, 10, 40, 40)}))
    by_hand = settings(face={"source_box": (20, 10, 40, 40), "any_face": True}, max_seconds=0.1)
    pipeline.animate(photo, motion_file, tmp_path / "out.mp4", by_hand)
    assert [frame.shape for frame in kept] == [(70, 90, 3)] * 3
    with pytest.raises(FaceError, match=r"hills\.png.*outside"):
        pipeline.animate(photo, motion_file, tmp_path / "out.mp4", settings(face={"source_box": (500, 10, 40, 40)}))


def test_a_turned_photo_comes_out_upright(pipeline, ledger, portrait_photo, motion_file, tmp_path, settings, kept):
    turned = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned a quarter to the right
    Image.open(portrait_photo).transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    terms = ConsentTerms(subject="Ada", expires="2999-01-31", statement="Yes.")
    ledger.grant(turned.read_bytes(), terms, name="turned.png")
    pipeline.animate(portrait_photo, motion_file, tmp_path / "out.mp4", settings(max_seconds=0.1))
    wanted = np.stack(kept)
    pipeline.animate(turned, motion_file, tmp_path / "out.mp4", settings(max_seconds=0.1))
    assert np.array_equal(np.stack(kept), wanted)


def test_a_large_photo_is_reduced_once_and_told(
    pipeline, ledger, portrait_photo, motion_file, tmp_path, settings, kept
):
    large = tmp_path / "large.png"
    photo = Image.open(portrait_photo)
    photo.resize((photo.width * 3, photo.height * 3), Image.Resampling.BICUBIC).save(large)
    terms = ConsentTerms(subject="Ada", expires="2999-01-31", statement="Yes.")
    ledger.grant(large.read_bytes(), terms, name="large.png")
    reduced = settings(refine={"min_side": 0, "max_side": 300}, max_seconds=0.1)
    told = r"large\.png has 753x900 px and the result will have 251x300; --max-side original"
    with pytest.warns(UserWarning, match=told) as notes:
        pipeline.animate(large, motion_file, tmp_path / "out.mp4", reduced)
    assert sum("--max-side" in str(note.message) for note in notes) == 1
    found = np.stack(kept)
    assert found.shape[1:] == (300, 251, 3)
    assert np.abs(found[0][:, :12].astype(int) - iio.imread(portrait_photo)[:, :12]).mean() < 3
    # A box means pixels of the photo, whatever it is reduced to.
    by_hand = {"face": {"source_box": (150, 60, 450, 450)}, "max_seconds": 0.1}
    pipeline.animate(large, motion_file, tmp_path / "out.mp4", settings(refine=reduced.refine.to_mapping(), **by_hand))
    boxed = np.stack(kept)[1].astype(int)
    by_hand["face"]["source_box"] = (50, 20, 150, 150)
    pipeline.animate(portrait_photo, motion_file, tmp_path / "out.mp4", settings(**by_hand))
    assert np.abs(boxed - np.stack(kept)[1]).mean() < 2
    outside = settings(refine=reduced.refine.to_mapping(), face={"source_box": (800, 10, 40, 40)})
    with pytest.raises(FaceError, match="800,10,40,40 lies outside the 753x900 picture"):
        pipeline.animate(large, motion_file, tmp_path / "out.mp4", outside)
    whole = settings(refine={"min_side": 0, "max_side": "original"}, max_seconds=0.1)
    pipeline.animate(large, motion_file, tmp_path / "out.mp4", whole)
    assert kept[0].shape == (900, 753, 3)


def test_small_photo_is_enlarged_so_that_its_watermark_lasts(pipeline, portrait_photo, motion_file, tmp_path, settings):
    small, large = tmp_path / "small.mp4", tmp_path / "large.mp4"
    made = [settings(max_seconds=0.1), settings(refine={}, max_seconds=0.1)]  # enlarged after the render, and before it
    receipts = [pipeline.animate(portrait_photo, motion_file, *how) for how in zip((small, large), made, strict=True)]
    assert [receipt.watermark for receipt in receipts] == ["read back", "read back"]
    (first, *_), (big, *_) = watch(small)[0], watch(large)[0]
    assert first.shape == big.shape
    assert min(big.shape[:2]) == 512
    assert np.abs(big[40:350, 40:].astype(int) - first[40:350, 40:]).mean() < 8


def test_crop_only_gives_the_models_square(pipeline, portrait_photo, motion_file, tmp_path, settings):
    output = tmp_path / "square.mp4"
    pipeline.animate(portrait_photo, motion_file, output, settings(refine={"crop_only": True}, max_seconds=0.2))
    frames, rate, sound = watch(output)
    assert {frame.shape for frame in frames} == {(512, 512, 3)}  # enlarged from 64 px, so that its watermark lasts
    assert len(frames) == 6
    assert rate == FPS
    assert sound == 0


def test_sound_of_another_file(pipeline, portrait_photo, make_talk, make_audio, tmp_path, settings):
    mute = make_talk(tmp_path / "mute.mp4", frames=8, fps="25", audio=False)
    output = tmp_path / "out.mp4"
    track = pipeline.track(mute, settings())
    assert track.audio is None
    track.save(tmp_path / "mute.safetensors")
    song = make_audio(tmp_path / "song.wav", seconds=3.0)
    pipeline.animate(portrait_photo, tmp_path / "mute.safetensors", output, settings(), audio=song)
    _, rate, sound = watch(output)
    assert rate == 25
    assert abs(sound - 8 / 25) < 1 / 25


def test_what_must_fail_fails_before_the_clip_is_read(
    pipeline, portrait_photo, talk, make_talk, tmp_path, settings, reads
):
    def refused(error, match, driving=talk, output="out.mp4", changes=None, **options):
        with pytest.raises(error, match=match):
            pipeline.animate(portrait_photo, driving, tmp_path / output, settings(**(changes or {})), **options)

    mute = make_talk(tmp_path / "mute.mp4", frames=2, audio=False)
    before = sorted(tmp_path.iterdir())
    refused(OutputError, r"out\.txt.*\.mp4", output="out.txt")
    refused(OutputError, "does not exist", output="nowhere/out.mp4")
    refused(SettingsError, "gif", changes={"encode": {"codec": "gif"}})
    refused(SettingsError, "--silent", audio=talk, silent=True)
    refused(MediaError, r"mute\.mp4 holds no sound", audio=mute)
    refused(MediaError, r"gone\.wav", audio=tmp_path / "gone.wav")
    refused(SettingsError, "font", changes={"label": {"text": "Ada", "font": "/nowhere.ttf"}})
    refused(MediaError, r"gone\.mp4 does not exist", driving=tmp_path / "gone.mp4")
    assert reads == []
    assert sorted(tmp_path.iterdir()) == before


def test_a_track_of_another_detector_is_refused(pipeline, portrait_photo, motion, tmp_path, settings):
    path = tmp_path / "foreign.safetensors"
    fields = {name: getattr(motion, name) for name in ("value", "jacobian", "fps", "reference", "found")}
    MotionTrack(**fields, detector="somebody else's").save(path)
    with pytest.raises(MotionError, match=r"foreign\.safetensors"):
        pipeline.animate(portrait_photo, path, tmp_path / "out.mp4", settings())
    assert [entry.name for entry in tmp_path.iterdir()] == ["foreign.safetensors"]
