"""Settings stay in the visitor's own browser, and nothing else does: no photo, no name, no word of a consent.

They lie in the page's local storage under a key that changes with what a tab's settings can be, so values of an older
fomm are forgotten instead of being refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import gradio as gr

_KEEP = "(...values) => {{ localStorage.setItem({key}, JSON.stringify(values)); return []; }}"
_RECALL = """(...values) => {{
  try {{
    const kept = JSON.parse(localStorage.getItem({key}));
    return Array.isArray(kept) && kept.length === values.length ? kept : values;
  }} catch {{ return values; }}
}}"""
_FORGET = "() => {{ localStorage.removeItem({key}); return {defaults}; }}"
_HERE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}


def reset_button(name: str) -> gr.Button:
    """Put the button on the page that brings a tab's defaults back."""
    return gr.Button("Reset these settings", size="sm", elem_id=f"{name}-reset")


def remember(page: gr.Blocks, name: str, settings: Sequence[Any]) -> None:
    """Keep a tab's settings in the browser and bring them back when the page opens.

    Args:
        page: the page that is being built.
        name: the tab's.
        settings: components whose values are settings.
    """
    parts, key = list(settings), _key(name, settings)
    gr.on([part.change for part in parts], None, parts, None, js=_KEEP.format(key=key), **_HERE)
    page.load(None, parts, parts, js=_RECALL.format(key=key), **_HERE)


def forget(button: gr.Button, name: str, settings: Sequence[Any]) -> Any:
    """Let a button bring the defaults back; returns the event, for what has to follow."""
    parts = list(settings)
    defaults = json.dumps([part.value for part in parts])
    return button.click(None, None, parts, js=_FORGET.format(key=_key(name, parts), defaults=defaults), **_HERE)


def _key(name: str, settings: Sequence[Any]) -> str:
    """Return the name in the local storage, as a JavaScript string."""
    shape = [
        [str(getattr(part, field, None)) for field in ("label", "choices", "minimum", "maximum")] for part in settings
    ]
    digest = hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:12]
    return json.dumps(f"fomm.{name}.{digest}")
