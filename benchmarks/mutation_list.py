"""Which calls `mutations.py` deletes or disconnects, and which test files must notice.

A file's mutations are keyword arguments: name = (old text, which the file has exactly once, new text). The new text
leaves code that runs, so that it is a test that fails and not the import.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One change of one file, and the test files that must fail with it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def of(file: str, *tests: str, **changes: tuple[str, str]) -> list[Mutation]:
    """Return mutations of a file that the same test files must catch."""
    return [Mutation(name, file, old, new, tests) for name, (old, new) in changes.items()]


MUTATIONS = [
    *of(
        "fomm/tasks/animate.py",
        "tests/tasks/test_render_stages.py",
        smoothing=("smooth(self.track(driving, settings, progress), settings.smooth)", "self.track(driving, settings)"),
        smooth_settings=("settings, progress), settings.smooth)", "settings, progress))"),
        transfer_settings=("motion, settings.carried, self.anatomy)", "motion, None, self.anatomy)"),
        plain_square=("motion, settings.carried, self.anatomy)", "motion, settings.transfer, self.anatomy)"),
        anatomy=("motion, settings.carried, self.anatomy)", "motion, settings.carried)"),
    ),
    *of(
        "fomm/tasks/animate.py",
        "tests/tasks/test_mood.py",
        mood=("start_of(self, portrait, settings.mood)", "start_of(self, portrait, type(settings.mood)())"),
    ),
    *of(
        "fomm/tasks/live.py",
        "tests/tasks/test_mood.py",
        mood_live=("start_of(pipeline, self._portrait, settings.mood)", "self._portrait.keypoints"),
    ),
    *of(
        "fomm/tasks/animate.py",
        "tests/tasks/test_still_driver.py",
        single_picture=("track if len(track) > 1 else expression_motion(start, track, self.anatomy)", "track"),
    ),
    *of(
        "fomm/tasks/edit.py",
        "tests/tasks/test_edit_photo.py",
        gaze=("portrait(looking, portrait.window", "portrait(portrait.photo, portrait.window"),
    ),
    *of(
        "fomm/tasks/animate.py",
        "tests/tasks/test_animate.py",
        bridged_frames=("release.bridged = track.bridged_line", "pass"),
        sound=("audio = driving", "pass"),
    ),
    *of(
        "fomm/retarget/transfer.py",
        "tests/tasks/test_render_stages.py",
        "tests/retarget/test_blink.py",
        "tests/retarget/test_lips.py",
        "tests/retarget/test_limits.py",
        blinks=("if anatomy is not None and settings.full_blinks and settings", "if False and settings"),
        lips=("value = close_lips(value, mouths, anatomy.size(mouths.start), anatomy.lips)", "pass"),
        jaw=("value = drop_jaw(", "drop_jaw("),
        held_back=("head, kept = held_back(", "held_back("),
    ),
    *of(
        "fomm/tasks/animate.py",
        "tests/tasks/test_label_place.py",
        label_of_a_clip=("face_box=face_box,\n            force=force,\n        ) as", "force=force,\n        ) as"),
        label_of_a_still=("face_box=face_box,\n                force=force", "force=force"),
    ),
    *of("fomm/tasks/edit.py", "tests/tasks/test_label_place.py", label_of_an_edit=("face_box=box,", "")),
    *of(
        "fomm/tasks/preview.py",
        "tests/tasks/test_label_place.py",
        label_of_a_preview=("face_box=face_area(portrait.window, settings),", ""),
    ),
    *of(
        "fomm/tasks/live.py",
        "tests/tasks/test_label_place.py",
        label_live=("face_box=face_area(window, settings),", ""),
    ),
    *of(
        "fomm/tasks/recording.py",
        "tests/tasks/test_label_place.py",
        label_of_a_recording=("face_box=face_area(portrait.window, settings),", ""),
    ),
    *of(
        "fomm/tasks/doors.py",
        "tests/tasks/test_label_place.py",
        face_area=("return (window.x + inset, window.y + inset, ", "return None and ("),
    ),
    *of(
        "fomm/tasks/tracking.py",
        "tests/tasks/test_surface_followed.py",
        surface=("self._surface.follow(squares, keypoints, [reason == SEEN for reason in why], fit)", "keypoints"),
        surface_of_anything=("self._surface.follow(squares, keypoints, seen)", "keypoints"),
        surface_of_each_shot=("self._surface, self._good, self._lit = surface_tracker(self._animator), 0, 0.0", "pass"),
    ),
    *of(
        "fomm/tasks/live_driver.py",
        "tests/tasks/test_surface_followed.py",
        surface_live=(
            "surface.follow([square], self._pipeline._animator.detect([square]), [self._found])",
            "self._pipeline._animator.detect([square])",
        ),
    ),
    *of(
        "fomm/tasks/live_driver.py",
        "tests/tasks/test_live_calm.py",
        smoothing_live=("self._state.steady(keypoints, elapsed)", "keypoints"),
    ),
    *of(
        "fomm/tasks/recording.py",
        "tests/tasks/test_live_calm.py",
        smoothing_of_a_recording=("smooth(recorder.track(), settings.smooth)", "recorder.track()"),
    ),
    *of(
        "fomm/parts/photo.py",
        "tests/model/test_encoded_source.py",
        matte_refinement=("refined_matte(source.picture, source.matte)", "source.matte"),
        background_texture=(
            "background=with_texture(source.picture, places, source.background)",
            "background=source.background",
        ),
    ),
    *of(
        "fomm/parts/lids.py",
        "tests/model/test_stages.py",
        shut_lids=("shut_lids(frame.displacement, driving, source)", "frame.displacement"),
        lower_lids=("follow_lower_lids(shut_lids(", "(lambda moved, *_: moved)(shut_lids("),
    ),
    *of(
        "fomm/parts/irises.py",
        "tests/model/test_stages.py",
        irises_stage=("frame.moved(turn_irises(", "(lambda *_: frame)(turn_irises("),
    ),
    *of(
        "fomm/parts/lips.py",
        "tests/model/test_stages.py",
        lips_stage=("frame.moved(follow_lips(", "(lambda *_: frame)(follow_lips("),
    ),
    *of(
        "fomm/parts/sequence.py",
        "tests/model/test_stages.py",
        eyeballs_and_lashes=("if settings.lashes:", "if False:"),
        teeth_and_tongue=("if settings.teeth:", "if False:"),
        layers_and_tone=("[Layers(), Tone()] if settings.edge else []", "[]"),
        visibility_stage=("stages.append(VisibilityStage())", "pass"),
        stages_of_a_photo=("source = stage.prepare(source)", "stage.prepare(source)"),
        stages_of_a_frame=("frame = stage.apply(frame)", "stage.apply(frame)"),
        resting_stages=('stage.when == "always" or not learning', "True"),
    ),
    *of(
        "fomm/render/animator.py",
        "tests/model/test_stages.py",
        without=("self.leave_out(settings.left_out if settings else ())", "pass"),
    ),
    *of(
        "fomm/model/compact.py",
        "tests/networks/test_close_look.py",
        close_look_at_a_photo=("return self._closer(image, found)", "return found"),
        close_look_at_a_clip=("self._closer(image, Keypoints.mean(looks))", "Keypoints.mean(looks)"),
    ),
    *of(
        "fomm/parts/photo.py",
        "tests/source/test_tone.py",
        tone=("tone_of(source.picture, fine)", "tone_of(source.picture, 0 * fine)"),
    ),
    *of(
        "fomm/render/animator.py",
        "tests/render/test_mirrored_half_frames.py",
        mirrored_portrait=("self._mirrored(picture, keypoints)", "None"),
        mirrored_frames=("return with_far_half(made, other, mirrored.half, driving.value)", "return made"),
    ),
    *of(
        "fomm/render/paste_back.py",
        "tests/render/test_behind.py",
        fine_texture=("fine_texture(portrait, grid, self._resample, self._side) if pasted else None", "None"),
    ),
    *of(
        "fomm/render/animator.py",
        "tests/render/test_animator.py",
        "tests/source/test_canvas.py",
        canvas=("shown = self.canvas(photo, window)", "shown = Canvas(photo, window)"),
    ),
    *of(
        "fomm/evaluation/reenact.py",
        "tests/evaluation/test_reenact.py",
        smoothing_of_a_still_driver=("smooth(track.slice(1), tools.settings.smooth)", "track.slice(1)"),
    ),
    *of(
        "fomm/training/loop/trainer.py",
        "tests/training/test_draws.py",
        seed_of_rank=("return position * self.workers.world + self.workers.rank", "return position"),
        seed_of_step=("* 10_000_000 + step", "* 10_000_000"),
        seed_of_phase=("self.settings.seed * 64 + self.state.stage", "self.settings.seed * 64"),
        seeded_losses=("torch.manual_seed(self._seed(step))", "pass"),
    ),
]
