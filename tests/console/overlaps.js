// Controls and headings that lie on one another, but for what stays in sight while the page moves under it.
() => {
  const floats = (each) => {
    for (let a = each; a; a = a.parentElement) {
      if (['sticky', 'fixed'].includes(getComputedStyle(a).position)) return true;
    }
    return false;
  };
  const shown = [...document.querySelectorAll('main :is(a, button, input, select, textarea, summary, h1, h2, h3, th)')]
    .filter((each) => each.checkVisibility({opacityProperty: true, visibilityProperty: true})
      && !each.closest('.unseen, .skip, dialog:not([open])') && !floats(each)
      && each.getBoundingClientRect().width > 1);
  // What a box has scrolled away is not there.
  const seen = (each) => [...each.getClientRects()].map((rect) => {
    const box = {left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom};
    for (let a = each.parentElement; a && a !== document.body; a = a.parentElement) {
      if (getComputedStyle(a).overflowY === 'visible') continue;
      const frame = a.getBoundingClientRect();
      box.left = Math.max(box.left, frame.left), box.right = Math.min(box.right, frame.right);
      box.top = Math.max(box.top, frame.top), box.bottom = Math.min(box.bottom, frame.bottom);
    }
    return box;
  });
  const found = [], boxes = shown.map(seen);
  for (let i = 0; i < shown.length; i++) for (let j = i + 1; j < shown.length; j++) {
    const [one, other] = [shown[i], shown[j]];
    if (one.contains(other) || other.contains(one)) continue;
    for (const a of boxes[i]) for (const b of boxes[j]) {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 3) found.push(`${one.outerHTML.slice(0, 90)} over ${other.outerHTML.slice(0, 90)}`);
    }
  }
  return found.slice(0, 5);
}
