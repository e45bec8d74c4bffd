"""What an eye would see at once: a page that is wider than its window, or text that is cut."""

# The parts that stick out; what may be scrolled inside its own box does not widen the page.
_WIDE = """() => {
  const limit = window.innerWidth, wide = document.scrollingElement.scrollWidth;
  if (wide <= limit) return [];
  const out = [...document.querySelectorAll('body *')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && box.right > limit + 1 && !e.parentElement.closest('.scroll');
  });
  return [`${wide} wide in ${limit}`, ...out.slice(0, 5).map(e => e.outerHTML.slice(0, 120))];
}"""

# Text boxes that hide a part of what stands in them, without a way to scroll to it.
_CUT = """() => [...document.querySelectorAll('h1, h2, h3, a, button, dd, dt, td, th, .badge, .value, .percent')].filter(e => {
  const style = getComputedStyle(e);
  return style.overflowX === 'hidden' && !e.closest('.unseen') && e.scrollWidth > e.clientWidth + 1;
}).map(e => e.outerHTML.slice(0, 120))"""


# Boxes of which a part stands out of sight until it is scrolled.
_SCROLLED = """() => [...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)
  .map(e => `${e.getAttribute('aria-label')}: ${e.scrollWidth} wide in ${e.clientWidth}`)"""


def shows_all(page):
    """On a desk, no table has columns out of sight."""
    scrolled = page.evaluate(_SCROLLED)
    assert not scrolled, f"{page.url} has tables that must be scrolled:\n  " + "\n  ".join(scrolled)


def fits(page):
    """The page is as wide as its window, and no text in it is cut."""
    wide = page.evaluate(_WIDE)
    assert not wide, f"{page.url} is too wide: " + "\n  ".join(wide)
    cut = page.evaluate(_CUT)
    assert not cut, f"{page.url} cuts text:\n  " + "\n  ".join(cut)
