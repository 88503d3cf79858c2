"""Compares frames that were made with those that should have been, one moment of a clip at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fomm.evaluation.measures.curves import STILL, agreement, depth
from fomm.evaluation.measures.features import aligned_face
from fomm.evaluation.measures.landmarks import Points
from fomm.evaluation.measures.pictures import Flicker, Picture, l1, psnr, squared_error, ssim
from fomm.evaluation.measures.tally import TRUE_FRAMES, Mean, Tally
from fomm.evaluation.measures.warping import WarpingError
from fomm.evaluation.reading import Reading, Tools, curves_of

_REPORT_SIDE = 256  # distances between landmarks are reported as if frames were this large


class Judge:
    """Judges one clip.

    Args:
        tools: what measures.
        source: the clip whose first frame was animated.
        driver: the clip that drove it.
    """

    def __init__(self, tools: Tools, source: Reading, driver: Reading) -> None:
        self.tools, self.source, self.driver = tools, source, driver
        self.tally = Tally()
        self._flicker: dict[str, Flicker] = {}
        truth = source.clip.truth
        self._warping = None if truth is None else WarpingError(truth)
        self._squared: dict[str, Mean] = {}
        self._points: dict[str, list[Points]] = {}
        self._moments: list[int] = []
        self._true_frames = False
        self._nearer: dict[str, list[float]] = {}  # distance to the driver minus that to the source, by method
        self._first = self._identity(source.first, source.landmarks[0])

    def look(
        self, moment: int, made: Mapping[str, Picture], true: Picture | None, driving: Picture | None = None
    ) -> None:
        """Judge the frames made for one moment.

        Args:
            moment: index of the driving frame.
            made: by method, uint8 `[S, S, 3]`.
            true: what should have come out, where that is known.
            driving: the driver's frame in a cross test.
        """
        costly = moment % self.tools.settings.every == 0
        self._moments.append(moment)
        self._true_frames = true is not None
        found = {method: self._find(picture) for method, picture in made.items()}
        reference = self.source.landmarks[moment] if true is not None else self.driver.landmarks[moment]
        for method, picture in made.items():
            self._landmarks(method, found[method], reference if true is not None else None, reference is not None)
            if true is not None:
                self._pictures(method, picture, true, costly)
        if true is not None and self._warping is not None:
            self._warping.add(moment, {**made, TRUE_FRAMES: true})
        if self.tools.reads_expression:
            read = self.tools.expression_points(list(made.values()), list(found.values()))
            for method, points in zip(made, read, strict=True):
                self._points.setdefault(method, []).append(points)
        if true is not None and costly and self.tools.features is not None:
            distances = self.tools.features.perceptual(list(made.values()), true)
            for method, distance in zip(made, distances, strict=True):
                self.tally.add("perceptual", method, distance)
        if costly:
            self._identities(moment, made, found, true, driving)

    def summary(self) -> dict[str, dict[str, float]]:
        """Return the clip's measures: by name and method."""
        for method, flicker in self._flicker.items():
            self.tally.add("flicker", method, flicker.value)
        for method, apart in ({} if self._warping is None else self._warping.values()).items():
            self.tally.add("warping", method, apart)
        for method, error in self._squared.items():
            self.tally.add("psnr", method, None if error.value is None else psnr(error.value))
        self._expressions()
        for method, margins in self._nearer.items():
            self.tally.add("closer", method, float(np.mean(margins) > 0))
        return self.tally.summary()

    def _expressions(self) -> None:
        """Compare curves with the driver's; where those are true ones, also what the judge reads off true frames."""
        made = {method: curves_of(points) for method, points in self._points.items()}
        if made and self._true_frames and self.driver.clip.truth is not None:
            made[TRUE_FRAMES] = {name: curve[self._moments] for name, curve in self.source.seen.items()}
        for method, curves in made.items():
            for name, curve in self.driver.curves.items():
                pair = curves[name], curve[self._moments]
                self.tally.add(name, method, agreement(*pair, STILL[name]))
                self.tally.add(f"{name}_depth", method, depth(*pair, STILL[name]))

    def _find(self, picture: Picture) -> Points | None:
        """Find landmarks; those of the source's own frame, which a copy is, are known already."""
        return self.source.landmarks[0] if picture is self.source.first else self.tools.landmarker.find(picture)

    def _pictures(self, method: str, made: Picture, true: Picture, costly: bool) -> None:
        self.tally.add("l1", method, l1(made, true))
        self._squared.setdefault(method, Mean()).add(squared_error(made, true))
        if costly:
            self.tally.add("ssim", method, ssim(made, true))
        self._flicker.setdefault(method, Flicker()).add(made, true)

    def _landmarks(self, method: str, found: Points | None, true: Points | None, expected: bool) -> None:
        """Count a distance where both were found; a face that went missing counts as missing, not as far away."""
        if expected:
            self.tally.add("missing", method, float(found is None))
        if found is not None and true is not None:
            distance = float(np.linalg.norm(found - true, axis=1).mean())
            self.tally.add("akd", method, distance * _REPORT_SIDE / self.tools.side)

    def _identities(
        self,
        moment: int,
        made: Mapping[str, Picture],
        found: Mapping[str, Points | None],
        true: Picture | None,
        driving: Picture | None,
    ) -> None:
        target = None if true is None else self._identity(true, self.source.landmarks[moment])
        other = None if driving is None else self._identity(driving, self.driver.landmarks[moment])
        for method, picture in made.items():
            own = self._identity(picture, found[method])
            if own is None:
                continue
            if target is not None:
                self.tally.add("aed", method, float(np.linalg.norm(own - target)))
            if driving is not None and self._first is not None:
                near = float(np.linalg.norm(own - self._first))
                self.tally.add("identity", method, near)
                if other is not None:
                    self._nearer.setdefault(method, []).append(float(np.linalg.norm(own - other)) - near)

    def _identity(self, picture: Picture, points: Points | None) -> NDArray[np.float64] | None:
        if points is None or self.tools.features is None:
            return None
        face = aligned_face(picture, self.tools.landmarker.five(points))
        description: NDArray[np.float64] = self.tools.features.identity([face])[0]
        return description
