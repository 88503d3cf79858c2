"""Every tab at both widths: nothing scrolls sideways, text can be read, and all that acts has a name."""

import pytest
from chromium import CHROMIUM, PATIENCE

TABS = ["Animate", "Edit", "Live", "Dub and refine", "Batch", "Verify"]
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="for this test: apt-get install chromium")

# Of each visible text, its contrast with the ground behind it, as WCAG 2.2 defines it (1.4.3).
CONTRAST = """() => {
  const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
    const v = c[i] / 255;
    return sum + share * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const ground = node => {
    for (let at = node; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor);
      if (c.length === 3 || c[3] > 0.9) return c;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    if (!text || !node.checkVisibility({opacityProperty: true}) || box.width < 2 || box.height < 2) continue;
    if (node.closest('script, style, svg, [disabled], option')) continue;
    const [a, b] = [light(parse(style.color)), light(ground(node))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
NAMELESS = """() => {
  const named = node => (node.getAttribute('aria-label') || node.textContent || node.title || node.placeholder
    || (node.labels && [...node.labels].map(l => l.textContent).join('')) || '').trim()
    || node.getAttribute('aria-labelledby') || [...node.querySelectorAll('img')].some(i => i.alt);
  const shown = node => node.checkVisibility() && node.getBoundingClientRect().width > 1;
  const acting = [...document.querySelectorAll('button, input:not([type=hidden]), textarea, select, a[href]')];
  const pictures = [...document.querySelectorAll('img')].filter(node => shown(node) && !node.hasAttribute('alt'));
  return [...acting.filter(node => shown(node) && !named(node)), ...pictures].map(n => n.outerHTML.slice(0, 140));
}"""


@pytest.fixture(scope="module")
def page(browser, address):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("#render")
    return page


def visit(page, tab):
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("tab", name=tab, exact=True).first.click()
    page.wait_for_timeout(300)


@pytest.mark.parametrize("tab", TABS)
def test_text_can_be_read(page, tab):
    visit(page, tab)
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("tab", TABS)
def test_what_acts_or_shows_has_a_name(page, tab):
    visit(page, tab)
    assert page.evaluate(NAMELESS) == []


@pytest.mark.parametrize("tab", TABS)
def test_nothing_scrolls_sideways_on_a_phone(page, tab):
    visit(page, tab)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(300)
    page.wait_for_function("document.documentElement.scrollWidth <= 390")  # the strip of tabs folds a moment later


def test_the_keyboard_reaches_the_tabs_and_says_where_it_is(page):
    visit(page, "Animate")
    page.get_by_role("tab", name="Animate", exact=True).first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Edit"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector("#edit-problem", state="visible")


def test_the_measure_of_contrast_sees_what_is_poor(page):
    visit(page, "Verify")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p id=poor style=\"color:#555\">Hard to read</p>')")
    assert [line for line in page.evaluate(CONTRAST) if line.startswith("Hard to read")]
    page.evaluate("document.getElementById('poor').remove()")
