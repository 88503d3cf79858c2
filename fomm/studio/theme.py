"""How the studio looks: dark slate, one amber accent, system fonts, cards that stack on a phone.

Gradio knows a light and a dark variant of every colour; both get the same value here, so the page looks alike whatever
the browser prefers. Text keeps a contrast of at least 4.5:1 on its ground (WCAG 2.2, level AA). No font is fetched.
"""

from __future__ import annotations

import inspect

import gradio as gr

GROUND, PANEL, RAISED, EDGE = "#0e131a", "#161d27", "#1f2834", "#2e3a4a"
TEXT, MUTED = "#e9eef5", "#a3b3c6"
ACCENT, ACCENT_LIT, ON_ACCENT = "#f5b34a", "#ffc66e", "#1a1306"
GOOD, BAD = "#6fd39a", "#ff8f83"

_COLOURS = {
    "body_background_fill": GROUND,
    "body_text_color": TEXT,
    "body_text_color_subdued": MUTED,
    "background_fill_primary": PANEL,
    "background_fill_secondary": RAISED,
    "border_color_primary": EDGE,
    "border_color_accent": ACCENT,
    "color_accent_soft": RAISED,
    "link_text_color": ACCENT,
    "link_text_color_hover": ACCENT_LIT,
    "link_text_color_visited": ACCENT,
    "link_text_color_active": ACCENT_LIT,
    "block_background_fill": PANEL,
    "block_border_color": EDGE,
    "block_label_background_fill": RAISED,
    "block_label_text_color": MUTED,
    "block_label_border_color": EDGE,
    "block_title_text_color": TEXT,
    "block_info_text_color": MUTED,
    "panel_background_fill": PANEL,
    "panel_border_color": EDGE,
    "input_background_fill": RAISED,
    "input_border_color": EDGE,
    "input_border_color_focus": ACCENT,
    "input_placeholder_color": MUTED,
    "slider_color": ACCENT,
    "button_primary_background_fill": ACCENT,
    "button_primary_background_fill_hover": ACCENT_LIT,
    "button_primary_text_color": ON_ACCENT,
    "button_primary_text_color_hover": ON_ACCENT,
    "button_primary_border_color": ACCENT,
    "button_secondary_background_fill": RAISED,
    "button_secondary_background_fill_hover": EDGE,
    "button_secondary_text_color": TEXT,
    "button_secondary_border_color": EDGE,
    "button_cancel_background_fill": RAISED,
    "button_cancel_text_color": BAD,
    "checkbox_background_color": RAISED,
    "checkbox_background_color_selected": ACCENT,
    "checkbox_border_color": MUTED,
    "checkbox_border_color_selected": ACCENT,
    "checkbox_label_background_fill": RAISED,
    "checkbox_label_background_fill_selected": EDGE,
    "checkbox_label_text_color": TEXT,
    "checkbox_label_text_color_selected": TEXT,
    "checkbox_label_border_color": EDGE,
    "error_background_fill": RAISED,
    "error_text_color": BAD,
    "error_border_color": BAD,
    "stat_background_fill": ACCENT,
    "table_border_color": EDGE,
    "table_even_background_fill": PANEL,
    "table_odd_background_fill": RAISED,
    "accordion_text_color": TEXT,
}

CSS = f"""
.gradio-container {{ max-width: 1240px !important; margin: 0 auto !important; overflow-x: clip;
  padding: 0 clamp(4px, 2vw - 4px, 20px) 48px !important; }}
.gradio-container .main.fillable {{ padding: 16px clamp(4px, 3vw - 8px, 32px) !important; }}
.masthead {{ display: flex; align-items: baseline; gap: 14px; flex-wrap: wrap; padding: 26px 2px 10px; }}
.masthead h1 {{ font-size: 1.7rem; font-weight: 680; letter-spacing: -.02em; margin: 0; color: {TEXT}; }}
.masthead h1 b {{ color: {ACCENT}; font-weight: 680; }}
.masthead p {{ color: {MUTED}; margin: 0; }}
.card {{ background: {PANEL}; border: 1px solid {EDGE}; border-radius: 14px; padding: 16px !important; gap: 12px; }}
.card > .block, .card > button, .card > .row {{ flex-grow: 0 !important; }}
.card .block {{ border-width: 0; box-shadow: none; }}
.card .form {{ border-width: 0; background: transparent; box-shadow: none; }}
.card .block.drop {{ border: 1px dashed {EDGE}; border-radius: 10px; }}
.step {{ display: flex; align-items: center; gap: 10px; }}
.step i {{ font-style: normal; font-weight: 650; width: 26px; height: 26px; border-radius: 50%; background: {ACCENT};
  color: {ON_ACCENT}; display: grid; place-items: center; font-size: .86rem; flex: none; }}
.step h2 {{ font-size: 1.06rem; font-weight: 620; margin: 0; color: {TEXT}; }}
.hint {{ color: {MUTED}; font-size: .88rem; line-height: 1.45; }}
.note {{ border-left: 3px solid {EDGE}; padding: 7px 12px; background: {RAISED}; border-radius: 0 8px 8px 0;
  line-height: 1.45; color: {TEXT}; overflow-wrap: anywhere; }}
.note.good {{ border-color: {GOOD}; }}
.note.bad {{ border-color: {BAD}; }}
.note.busy {{ border-color: {ACCENT}; }}
.stage {{ position: relative; display: block; max-width: 100%; border-radius: 10px; overflow: hidden; }}
.stage img {{ display: block; width: 100%; max-height: 340px; object-fit: contain; background: {GROUND}; }}
.stage svg {{ position: absolute; inset: 0; width: 100%; height: 100%; }}
.stage .face {{ fill: none; stroke: {TEXT}; stroke-opacity: .75; }}
.stage .face.chosen {{ stroke: {ACCENT}; stroke-opacity: 1; }}
.stage .window {{ fill: none; stroke: {ACCENT}; }}
.stage text {{ fill: {ON_ACCENT}; font-weight: 700; }}
.stage .tag {{ fill: {ACCENT}; }}
.beside {{ margin: 0; position: relative; background: {RAISED}; border-radius: 8px; overflow: hidden; }}
.beside img {{ display: block; width: 100%; max-height: 420px; object-fit: contain; }}
.beside figcaption {{ position: absolute; left: 0; top: 0; background: {RAISED}; color: {MUTED}; padding: 2px 10px;
  font-size: .78rem; border-radius: 0 0 8px 0; }}
.bar {{ height: 8px; border-radius: 4px; background: {EDGE}; overflow: hidden; margin-top: 8px; }}
.bar span {{ display: block; height: 100%; background: {ACCENT}; transition: width .3s; }}
.report {{ display: grid; grid-template-columns: max-content 1fr; gap: 6px 16px; margin: 10px 0 0; }}
.report dt {{ color: {MUTED}; }}
.report dd {{ margin: 0; overflow-wrap: anywhere; }}
.lead {{ max-width: 68ch; line-height: 1.5; color: {TEXT}; margin: 8px 0 16px; }}
.today {{ display: grid; grid-template-columns: minmax(11em, max-content) 1fr; gap: 14px 24px; margin: 6px 0 0;
  max-width: 86ch; line-height: 1.5; }}
.today dt {{ color: {ACCENT}; font-weight: 620; }}
.today dd {{ margin: 0; min-width: 0; color: {TEXT}; overflow-wrap: anywhere; }}
.today code, .today pre {{ background: {RAISED}; color: {TEXT}; border-radius: 6px; padding: 1px 6px;
  font-size: .9em; overflow-wrap: anywhere; }}
.today pre {{ padding: 10px 12px; margin: 8px 0 0; white-space: pre-wrap; }}
button:focus-visible, input:focus-visible, textarea:focus-visible, [tabindex]:focus-visible {{
  outline: 2px solid {ACCENT} !important; outline-offset: 2px; }}
footer .divider {{ display: none !important; }}
#status .pending {{ opacity: 1 !important; }}
#status .wrap.minimal {{ overflow: visible !important; z-index: 2; }}
#status.auto-margin {{ margin: 0 !important; }}
.caption-label {{ display: none !important; }}
#clip {{ height: auto !important; }}
.grid-container {{ grid-template-columns: repeat(auto-fill, minmax(52px, 1fr)) !important; }}
.tab-container button {{ font-size: 1rem; }}
@media (max-width: 640px) {{
  .tab-container button {{ padding: 0 10px !important; }}
  #result .video-container, #result video {{ height: auto !important; }}
  .card {{ padding: 12px !important; border-radius: 12px; }}
  .masthead {{ padding-top: 16px; }}
  .report, .today {{ grid-template-columns: 1fr; gap: 0 0; }}
  .today dd {{ margin-bottom: 14px; }}
  .report dd {{ margin-bottom: 8px; }}
}}
@media (prefers-reduced-motion: reduce) {{ * {{ transition: none !important; animation: none !important; }} }}
"""


def theme() -> gr.themes.Base:
    """Return the studio's theme."""
    fonts = ("Inter", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    mono = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")
    base = gr.themes.Base(primary_hue="amber", neutral_hue="slate", radius_size="md", font=fonts, font_mono=mono)
    known = inspect.signature(base.set).parameters
    colours = {name: value for name, value in _COLOURS.items() if name in known}
    return base.set(**colours, **{f"{name}_dark": value for name, value in colours.items() if f"{name}_dark" in known})
