// Sliders and numbers of a canary say the same, and the bar shows it. Without this the numbers alone count.
(() => {
  'use strict';

  const draw = (rule) => {
    let start = 0;
    for (const number of rule.querySelectorAll('[data-weight]')) {
      const weight = Math.max(0, Math.min(100 - start, Number.parseInt(number.value, 10) || 0));
      const bar = rule.querySelector(`[data-bar="${CSS.escape(number.name)}"]`);
      bar?.setAttribute('x', String(start));
      bar?.setAttribute('width', String(weight));
      start += weight;
    }
    const rest = rule.querySelector('[data-rest]');
    rest?.setAttribute('x', String(start));
    rest?.setAttribute('width', String(100 - start));
    const left = rule.querySelector('[data-left]');
    if (left) left.textContent = String(100 - start);
  };

  document.addEventListener('input', (event) => {
    const rule = event.target.closest('[data-rule]');
    if (!rule) return;
    if (event.target.dataset.for) document.getElementById(event.target.dataset.for).value = event.target.value;
    if ('weight' in event.target.dataset) {
      const slider = rule.querySelector(`[data-for="${CSS.escape(event.target.id)}"]`);
      if (slider) slider.value = event.target.value;
    }
    draw(rule);
  });
})();
