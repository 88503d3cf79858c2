"""Stages of a photo: what is found out about it once, beyond what the networks tell."""

from __future__ import annotations

from dataclasses import replace

from fomm.parts.stage import Source, Stage
from fomm.source.background import inpainted_background, texture_places, with_texture
from fomm.source.fine_matte import fine_matte
from fomm.source.matte_refinement import refined_matte
from fomm.source.tone import tone_of


class MatteRefinement(Stage):
    """Earrings and strands that the matte missed are kept out of the background."""

    name, when = "matte-refinement", "inference"

    def prepare(self, source: Source) -> Source:
        """Set `Source.person`."""
        return source if source.matte is None else replace(source, person=refined_matte(source.picture, source.matte))


class Background(Stage):
    """What is behind the person is made up in smooth colours. The networks learn with it: it cannot be left out."""

    name = "background"

    def prepare(self, source: Source) -> Source:
        """Set `Source.background`."""
        person = source.matte if source.person is None else source.person
        return source if person is None else replace(source, background=inpainted_background(source.picture, person))


class BackgroundTexture(Stage):
    """What is behind the person takes its texture from the visible background."""

    name, when = "background-texture", "inference"

    def prepare(self, source: Source) -> Source:
        """Set `Source.places`, and texture in `Source.background`."""
        person = source.matte if source.person is None else source.person
        if person is None or source.background is None:
            return source
        places = texture_places(source.background, person)
        return replace(source, places=places, background=with_texture(source.picture, places, source.background))


class Layers(Stage):
    """The person is a layer with alpha before a background that rests, instead of one flow for both."""

    name, when = "layers", "inference"

    def prepare(self, source: Source) -> Source:
        """Set `Source.fine`, which `fomm.model.compact_motion` carries along."""
        return source if source.matte is None else replace(source, fine=fine_matte(source.picture, source.matte))


class Tone(Stage):
    """What is painted takes the photo's tone: grey in grey photos."""

    name, when = "tone", "inference"

    def prepare(self, source: Source) -> Source:
        """Set `Source.tone`."""
        if source.matte is None:
            return source
        fine = fine_matte(source.picture, source.matte) if source.fine is None else source.fine
        return replace(source, tone=tone_of(source.picture, fine))


class MirroredHalf(Stage):
    """Where a head that looked aside comes to the front, its far half is taken from the mirrored photo.

    The photo has to be animated a second time for that, which `fomm.render.mirrored_half` does.
    """

    name, when = "mirrored-half", "inference"
