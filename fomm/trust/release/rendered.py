"""Generated pictures on their way to the exit, tied to the photos they show.

Rooms that make pictures wrap them in `Rendered` together with the leave under which their photo was authorised. Only
the exit opens it, and only for a release under that very leave: pictures of one person cannot leave under the consent
of another, and nobody who is handed a `Rendered` holds unmarked pictures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fomm.errors import ConsentError
from fomm.trust.consent.authorise import Authorisation


class Rendered:
    """A batch of generated pictures, sealed.

    Args:
        pixels: uint8 `[N, H, W, 3]` or `[H, W, 3]` RGB.
        leaves: of every photo that is shown in them; None for one that nobody authorised, which never leaves.
    """

    __slots__ = ("__leaves", "__pixels")

    def __init__(self, pixels: NDArray[np.uint8], *leaves: Authorisation | None) -> None:
        self.__pixels, self.__leaves = pixels, leaves

    def __len__(self) -> int:
        return len(self.__pixels) if self.__pixels.ndim == 4 else 1

    def _open(self, leave: Authorisation) -> NDArray[np.uint8]:
        """Return the pictures to a release under `leave`.

        Raises:
            ConsentError: they show a photo that was authorised otherwise, or not at all.
        """
        if not self.__leaves or any(own is not leave for own in self.__leaves):
            raise ConsentError(
                "These pictures show another photo than the one this release was authorised for; open a release with "
                "the authorisation that their portrait was made with."
            )
        return self.__pixels


def opened(rendered: Rendered, leave: Authorisation) -> NDArray[np.uint8]:
    """Return sealed pictures to the exit.

    Raises:
        ConsentError: not sealed pictures, or of another photo than `leave` is for.
    """
    if not isinstance(rendered, Rendered):
        raise ConsentError("A release takes pictures that a pipeline rendered of its portrait, and no others.")
    return rendered._open(leave)
