// Text that has no room: hidden by its own box, or outside the page with nothing to scroll it by.
() => {
  const shown = (each) => each.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const name = (each) => `${each.tagName.toLowerCase()}.${each.className}: ${each.textContent.trim().slice(0, 60)}`;
  const found = [];
  const small = (each) => { const box = each.getBoundingClientRect(); return box.width <= 1 || box.height <= 1; };
  const hidden = (each) => getComputedStyle(each).position === 'absolute' && small(each);
  const unseen = new Set([...document.querySelectorAll('body *')]
    .filter(hidden).flatMap((each) => [each, ...each.querySelectorAll('*')]));
  for (const each of document.querySelectorAll('body *')) {
    if (unseen.has(each) || !shown(each)) continue;
    if (each.closest('.unseen, .skip, svg, select, textarea, input, dialog:not([open])')) continue;
    const style = getComputedStyle(each);
    const wide = each.scrollWidth > each.clientWidth + 1, high = each.scrollHeight > each.clientHeight + 2;
    const hides = (way) => way === 'hidden' || way === 'clip';
    if (style.display !== 'inline' && ((hides(style.overflowX) && wide) || (hides(style.overflowY) && high))) {
      if (style.textOverflow !== 'ellipsis' || !each.title) found.push(`cut: ${name(each)}`);
    }
    const box = each.getBoundingClientRect();
    const scrolls = each.closest('.scroll, pre, [data-scroll], .table-scroll')
      || [...ancestors(each)].some((above) => ['auto', 'scroll'].includes(getComputedStyle(above).overflowX));
    if (each.children.length === 0 && each.textContent.trim() && !scrolls && box.width > 0
        && (box.right > innerWidth + 1 || box.left < -1)) found.push(`beside the page: ${name(each)}`);
  }
  function* ancestors(each) { for (let a = each.parentElement; a; a = a.parentElement) yield a; }
  return found;
}
