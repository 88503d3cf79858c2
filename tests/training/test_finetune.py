"""Fine-tuning on one person: consent first, one bound file or nothing, and a model that got better at that person."""

import shutil
import warnings

import numpy as np
import pytest
import torch

from fomm.config.render import RenderSettings
from fomm.config.training.finetune import FinetuneSettings, PersonSettings
from fomm.errors import ConsentError, FommWarning, MediaError, OutputError, SettingsError
from fomm.face.locate import FaceFinder
from fomm.face.windows import portrait_window
from fomm.media.photo.image import read_image
from fomm.media.video import read_video
from fomm.model.compact import CompactModel
from fomm.render.animator import Animator
from fomm.tasks.animate import Pipeline
from fomm.training.finetune.run import finetune
from fomm.training.finetune.task import FinetuneTask
from fomm.training.loop.trainer import Trainer
from fomm.trust.consent.ledger import Ledger
from fomm.trust.consent.terms import ConsentTerms, hash_clips
from fomm.trust.release.registry import Registry
from fomm.weights.files import open_checkpoint
from fomm.weights.loading import load_model

CPU = torch.device("cpu")
pytestmark = pytest.mark.filterwarnings("ignore::fomm.errors.FommWarning")


@pytest.fixture
def clips(talk, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    shutil.copy(talk, folder / "talk.mp4")
    return folder


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "home")


@pytest.fixture
def grant(ledger, portrait_photo):
    def record(**terms):
        basic = {"subject": "Ada", "make": ("animate", "train"), "expires": "2999-01-31", "statement": "Yes."}
        return ledger.grant(portrait_photo.read_bytes(), ConsentTerms(**{**basic, **terms}))

    return record


@pytest.fixture
def run(portrait_photo, tiny_checkpoint, ledger, tmp_path):
    """Fine-tune the tiny model on the astronaut, two steps unless told otherwise."""

    def start(output=tmp_path / "made" / "ada.safetensors", learn=None, model=tiny_checkpoint, **options):
        output.parent.mkdir(exist_ok=True)
        learn = {"steps": 2, "rows": 2, "log_every": 1, "precision": "float32", **(learn or {})}
        settings = PersonSettings.from_mapping({"model": str(model), "backbone": "none", "learn": learn})
        silent = {"device": "cpu", "ledger": ledger, "on_progress": lambda progress: None}
        return finetune(portrait_photo, output, settings, **{**silent, **options})

    return start


@pytest.mark.parametrize("with_clips", [False, True])
def test_it_makes_one_bound_file_that_keeps_the_detector(
    run, grant, clips, ledger, tiny_checkpoint, tmp_path, with_clips
):
    consent = grant(clips_sha256=tuple(hash_clips(clips).values()))
    reports = []
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", FommWarning)
        made = run(clips=clips if with_clips else None, on_progress=reports.append)
    assert any("--clips" in str(note.message) for note in notes) != with_clips
    assert (made.consent, made.frames) == (consent.id, 20 if with_clips else 0)
    assert [(report.step, report.steps) for report in reports] == [(1, 2), (2, 2)]
    assert [path.name for path in made.path.parent.iterdir()] == ["ada.safetensors"]
    output = Registry(ledger).show(made.output_id)
    assert (output.consent, output.state, bool(output.driving)) == (consent.id, "released", with_clips)
    with open_checkpoint(tiny_checkpoint) as before, open_checkpoint(made.path) as after:
        old, new = before.tensors(), after.tensors()
    changed = {key.split(".")[0] for key in old if not torch.equal(old[key], new[key])}
    assert changed == ({"generator", "dense_motion"} if with_clips else {"generator"})
    pipeline = Pipeline(str(made.path), ledger=ledger)
    assert pipeline.detector == Pipeline(str(tiny_checkpoint), ledger=ledger).detector  # old motion tracks still fit


def test_consent_comes_first(run, grant, clips):
    with pytest.raises(ConsentError, match="--make train"):
        run()
    grant(make=("animate",))
    with pytest.raises(ConsentError, match="not to train"):
        run()
    grant()
    with pytest.raises(ConsentError, match=r"does not name the clip .*talk\.mp4.*--make train.*--clips"):
        run(clips=clips)


@pytest.mark.parametrize("end", ["interrupt", "revoke"])
def test_what_ends_early_leaves_nothing(run, grant, ledger, tmp_path, end):
    consent = grant()

    def stop(progress):
        if end == "interrupt":
            raise KeyboardInterrupt
        ledger.revoke(consent.id)

    with pytest.raises(KeyboardInterrupt if end == "interrupt" else ConsentError):
        run(on_progress=stop)
    assert list((tmp_path / "made").iterdir()) == []
    assert [output.state for output in Registry(ledger).outputs()] == ["failed"]


def test_faults_are_told_before_any_work(run, grant, clips, tmp_path, ledger):
    grant(clips_sha256=tuple(hash_clips(clips).values()))
    with pytest.raises(SettingsError, match=r"\.safetensors"):
        run(tmp_path / "made" / "ada.pt")
    taken = tmp_path / "made" / "taken.safetensors"
    taken.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        run(taken)
    assert taken.read_bytes() == b"mine"
    (clips / "notes.txt").write_text("no clip")
    with pytest.raises(ConsentError, match=r"notes\.txt"):
        run(clips=clips)
    grant(clips_sha256=tuple(hash_clips(clips).values()))
    with pytest.raises(MediaError, match=r"notes\.txt"):
        run(clips=clips)
    with pytest.raises(ConsentError, match="cannot be read"):
        run(clips=tmp_path / "made" / "nowhere")
    bound = run()
    with pytest.raises(ConsentError, match="bound to one person"):
        run(tmp_path / "made" / "again.safetensors", model=bound.path)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["ada.safetensors", "taken.safetensors"]


def test_it_learns_the_window_that_is_rendered(run, grant, ledger, tiny_checkpoint, portrait_photo, monkeypatch):
    grant()
    everybody = torch.ones(1, 1, 16, 16)  # so that the window is as wide as it gets
    monkeypatch.setattr(CompactModel, "find_person", lambda model, image: everybody)
    learnt = []

    class Watched(FinetuneTask):
        def __init__(self, model, photo, *others):
            learnt.append(photo)
            super().__init__(model, photo, *others)

    monkeypatch.setattr("fomm.training.finetune.run.FinetuneTask", Watched)
    monkeypatch.setattr("fomm.training.finetune.run.Trainer.run", lambda trainer: None)
    run()
    image = read_image(portrait_photo)
    rendered = portrait_window(image, FaceFinder(), person=lambda square: everybody)
    assert rendered.side > 1.2 * portrait_window(image, FaceFinder()).side
    animator = Animator(load_model(tiny_checkpoint).model, 64, RenderSettings(device="cpu"))
    canvas = animator.portrait(image, rendered).canvas
    assert canvas.picture.shape != image.shape  # with what the photo cuts off
    assert np.array_equal(learnt[0], canvas.window.crop(canvas.picture, 64))


def test_it_learns_the_person(tiny_checkpoint, portrait_photo, talk):
    image = read_image(portrait_photo)
    photo = portrait_window(image, FaceFinder()).crop(image, 64)
    frames = np.stack(list(read_video(talk, size=(64, 64), stop=4)))
    model = load_model(tiny_checkpoint).model
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(255)

    @torch.no_grad()
    def error():
        model.eval()
        found = model.detect(pictures)
        made = model.animate(model.encode(pictures[:1]), found, found[:1]).image
        return float((made - pictures).abs().mean())

    before = error()
    weights = dict.fromkeys(("anchor", "uncovered", "occlusion", "elsewhere"), 0.0)
    settings = FinetuneSettings(steps=90, learning_rate=2e-2, precision="float32", weights=weights)
    trainer = Trainer(FinetuneTask(model, photo, [frames], settings, None, CPU), None, CPU, on_progress=print)
    trainer.run()
    model.load_state_dict(trainer.state.averaged)
    assert error() < 0.9 * before


def test_the_anchor_holds_weights_near_their_start(tiny_checkpoint, portrait_photo):
    photo = np.array(read_image(portrait_photo)[:64, :64])

    def travel(anchor):
        model = load_model(tiny_checkpoint).model
        start = {key: value.clone() for key, value in model.generator.state_dict().items()}
        settings = FinetuneSettings(
            steps=20, rows=2, learning_rate=5e-3, precision="float32", weights={"anchor": anchor}
        )
        trainer = Trainer(FinetuneTask(model, photo, [], settings, None, CPU), None, CPU, on_progress=print)
        trainer.run()
        return sum(
            float((trainer.state.averaged[f"generator.{key}"] - old).square().sum()) for key, old in start.items()
        )

    assert travel(100.0) < 0.5 * travel(0.0)


def test_what_lies_away_from_the_face_moves_as_before(tiny_checkpoint, talk):
    frames = np.stack(list(read_video(talk, size=(64, 64), stop=4)))
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float().div(255)

    def change(elsewhere):
        model = load_model(tiny_checkpoint).model
        found = model.detect(pictures)
        flow = model.move(pictures[:1], found[3:], found[:1]).flow.detach()
        weights = {"anchor": 0.0, "elsewhere": elsewhere}
        settings = FinetuneSettings(steps=20, rows=2, learning_rate=5e-3, precision="float32", weights=weights)
        trainer = Trainer(FinetuneTask(model, frames[0], [frames], settings, None, CPU), None, CPU, on_progress=print)
        trainer.run()
        model.load_state_dict(trainer.state.averaged)
        after = model.eval().move(pictures[:1], found[3:], found[:1]).flow
        return float((after.detach() - flow).abs().mean())

    assert change(400.0) < 0.7 * change(0.0)
