"""A whole clip set, drawn small: readable by training, the same from the same seed, and gone on with after a stop."""

import json

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from fomm.config.synthesize import SynthesisSettings
from fomm.errors import SettingsError
from fomm.media.video import read_video
from fomm.synthesis import opengl as renderer
from fomm.synthesis.clip.truth import choose_sources
from fomm.synthesis.opengl import open_context
from fomm.synthesis.run import Sources, synthesize
from fomm.training.data.labelled_clips import PairedClips
from fomm.trust.marks.kinds import TRAINING_CLIP
from fomm.trust.marks.verify import verify

SETTINGS = SynthesisSettings(train_pairs=2, test_pairs=1, frames=5, seed=3)


@pytest.fixture(scope="module")
def sources(toys):
    return Sources(toys.portraits, toys.units, toys.mouth)


@pytest.fixture(scope="module")
def clip_set(opengl, toys, sources, tmp_path_factory):
    output = tmp_path_factory.mktemp("clips")
    assert synthesize(sources, output, SETTINGS, ledger=toys.ledger, processes=2) == 3
    return output


def _files(output):
    """Return every file: clips as their frames, because no two signatures have the same bytes."""
    files = {path.relative_to(output).as_posix(): path for path in output.rglob("*") if path.is_file()}
    return {
        name: np.stack(list(read_video(path))).tobytes() if path.suffix == ".mp4" else path.read_bytes()
        for name, path in files.items()
    }


def test_training_reads_it_unchanged(clip_set, tmp_path):
    for split, pairs in (("train", 2), ("test", 1)):
        clips = PairedClips(clip_set, split, tmp_path)
        assert len(clips.names) == 2 * pairs
        batch = clips.batch([(0, 1), (1, 3)])
        assert batch.frames.shape == (2, 4, 3, 256, 256)
        assert 0.2 < batch.person.float().mean() < 0.95
        assert batch.valid.float().mean() > 0.7


def test_both_people_of_a_pair_do_the_same(clip_set):
    one, other = (np.load(clip_set / "train" / f"03_0000{side}.npz") for side in "ab")
    for key in ("expression", "pose", "gaze"):
        np.testing.assert_array_equal(one[key], other[key])
    assert (one["landmarks"] != other["landmarks"]).any()


def test_the_flow_takes_landmarks_where_they_were(clip_set):
    for path in sorted((clip_set / "train").glob("*.npz")):
        truth = np.load(path)
        points = truth["landmarks"].astype(float) / 8
        for driving, source in enumerate(truth["source"]):
            sure = np.unpackbits(truth["valid"][driving] & truth["person"][driving], axis=-1).astype(float)
            place = points[driving].T[::-1] / 4 - 0.5
            settled = map_coordinates(sure, place, order=1) > 0.99
            flow = truth["flow"][driving] / 4
            moved = np.stack([map_coordinates(flow[..., axis], place, order=1) for axis in (0, 1)], -1)
            error = np.linalg.norm(moved - (points[source] - points[driving]), axis=1)[settled]
            assert settled.mean() > 0.3
            assert np.median(error) < 0.4


def test_irises_lie_in_the_eyes_and_go_where_the_gaze_does(clip_set):
    steps, gazes = [], []
    for path in sorted((clip_set / "train").glob("*.npz")):
        truth = np.load(path)
        points, gaze = truth["landmarks"].astype(float) / 8, truth["gaze"].astype(float)
        assert points.shape[1:] == (478, 2)
        for iris, corners in ((468, (33, 133)), (473, (263, 362))):
            left, right = np.sort(points[:, corners, 0], axis=1).T
            assert ((points[:, iris, 0] > left) & (points[:, iris, 0] < right)).mean() > 0.9
            away = points[:, iris, 0] - points[:, corners, 0].mean(1)
            steps.append(away - away.mean())
            gazes.append(gaze[:, 0] - gaze[:, 0].mean())
    assert np.corrcoef(np.concatenate(steps), np.concatenate(gazes))[0, 1] > 0.5


def test_it_names_its_people_and_says_where_they_come_from(clip_set):
    index = json.loads((clip_set / "index.json").read_text())
    assert set(index) == {f"03_{stem}{side}" for stem in ("0000", "0001", "t0000") for side in "ab"}
    for entry in index.values():
        if entry["split"] == "train":
            assert "b_5" not in [entry["portrait"], *entry["others"]]
    assert index["03_t0000a"]["portrait"] == "b_5"
    licence = (clip_set / "LICENCE.md").read_text()
    assert "Drawn by a test; nobody real." in licence
    assert "- ai-generated, ellipses: a_1, a_2, b_3, b_5" in licence


def test_each_clip_says_in_a_signed_manifest_what_it_is(clip_set, toys, tmp_path):
    for clip in sorted(clip_set.rglob("*.mp4")):
        report = verify(clip, toys.ledger, deep=False)
        assert (report.verdict, report.exit_code, report.kind) == ("intact", 0, TRAINING_CLIP)
        assert report.manifest.statement["origins"] == ["ai-generated (ellipses)"]
        assert b"trainedAlgorithmicMedia" in clip.read_bytes()
        assert b"drawn by fomm from portraits recorded as ai-generated (ellipses)." in clip.read_bytes()
    changed = bytearray(clip.read_bytes())
    changed[-100] ^= 1
    (tmp_path / "changed.mp4").write_bytes(changed)
    # Without a mark in its pictures, a manifest that does not fit says nothing of them.
    assert verify(tmp_path / "changed.mp4", toys.ledger, deep=False).verdict == "unclear"


def test_a_stopped_run_goes_on_and_ends_the_same(clip_set, sources, toys):
    whole = _files(clip_set)
    (clip_set / "train" / "03_0001b.npz").unlink()
    (clip_set / "train" / ".03_0001b.npz.partial").write_bytes(b"half")
    assert synthesize(sources, clip_set, SETTINGS, ledger=toys.ledger, processes=1) == 1
    assert _files(clip_set) == whole
    assert synthesize(sources, clip_set, SETTINGS, ledger=toys.ledger, processes=1) == 0


def test_one_seed_is_not_drawn_in_two_ways(clip_set, sources, toys):
    other = SynthesisSettings(train_pairs=2, test_pairs=1, frames=6, seed=3)
    with pytest.raises(SettingsError, match="--seed"):
        synthesize(sources, clip_set, other, ledger=toys.ledger)


def test_any_other_frame_is_a_source():
    chosen = np.stack([choose_sources(np.random.default_rng(seed), 4) for seed in range(200)])
    for driving in range(4):
        assert set(chosen[:, driving]) == set(range(4)) - {driving}
    assert list(choose_sources(np.random.default_rng(0), 1)) == [0]


def test_without_moderngl_it_says_what_to_install(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(renderer, "import_module", missing)
    with pytest.raises(SettingsError, match=r"fomm\[synthesis\]"):
        open_context()
