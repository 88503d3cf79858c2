"""The Dub and Batch tabs: what the page cannot do yet, and what does it today. They show nothing that does nothing."""

from __future__ import annotations

import gradio as gr

_DUB = """
<div class="step"><h2>Dub and refine</h2></div>
<p class="lead">This version does not move lips to a sound alone, and does not rework a finished animation.</p>
<dl class="today">
<dt>To make a photo speak</dt>
<dd>Choose a clip of somebody speaking in the <b>Animate</b> tab: lips, eyes and head follow it, and its sound is
kept.</dd>
<dt>To change the sound</dt>
<dd>On the command line, <code>fomm animate photo.jpg talk.mp4 -o out.mp4 --audio voice.wav</code> puts another sound
under the same clip.</dd>
<dt>To refine the picture</dt>
<dd>Fine tuning in the <b>Animate</b> tab has the photo's own detail, the soft edge and the output size; the
<b>Edit</b> tab changes pose and expression by hand.</dd>
</dl>
"""
_BATCH = """
<div class="step"><h2>Batch</h2></div>
<p class="lead">This version does not queue many jobs for one visitor. Each render of yours waits for those of others,
and the page shows your place in the line.</p>
<dl class="today">
<dt>One motion, many photos</dt>
<dd>Save the motion under a result of the <b>Animate</b> tab. It drives the next photo at once: the clip is not read
again.</dd>
<dt>A folder of photos</dt>
<dd>On the command line; every photo needs a consent of its own:
<pre>fomm track talk.mp4 -o talk.safetensors
for photo in photos/*.jpg; do
  fomm animate "$photo" talk.safetensors -o "${photo%.*}.mp4"
done</pre></dd>
<dt>From a program</dt>
<dd>The studio answers over HTTP as well: <i>Use via API</i> at the foot of this page shows how.</dd>
</dl>
"""


def build_dub_tab() -> None:
    """Put the Dub tab's content on the page."""
    with gr.Column(elem_classes="card"):
        gr.HTML(_DUB, elem_id="dub-today", padding=False)


def build_batch_tab() -> None:
    """Put the Batch tab's content on the page."""
    with gr.Column(elem_classes="card"):
        gr.HTML(_BATCH, elem_id="batch-today", padding=False)
