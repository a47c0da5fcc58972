// Forms of the configuration: everything works without it. It filters lists, keeps one TraceID, saves with Ctrl-Enter.
(() => {
  'use strict';

  const filter = (search) => {
    const words = search.value.trim().toLowerCase();
    const list = document.getElementById(search.dataset.filter);
    if (!list) return;
    const fits = (element) => (element.dataset.text ?? element.textContent).toLowerCase().includes(words);
    for (const row of list.querySelectorAll('tbody > tr')) row.hidden = !fits(row);
    for (const branch of list.querySelectorAll(':scope > li')) {
      const head = branch.querySelector(':scope > .leaf');
      const whole = !head || fits(head);
      let some = whole;
      for (const leaf of branch.querySelectorAll('ul .leaf')) {
        leaf.hidden = !(whole || fits(leaf));
        some ||= !leaf.hidden;
      }
      branch.hidden = !some;
    }
  };

  document.addEventListener('input', (event) => {
    if (event.target.matches('[data-filter]')) filter(event.target);
  });

  document.addEventListener('change', (event) => {
    const box = event.target.closest('[data-only-one]');
    if (!box || !box.checked) return;
    for (const other of box.form.querySelectorAll(`[data-only-one="${CSS.escape(box.dataset.onlyOne)}"]`)) {
      if (other !== box) other.checked = false;
    }
  });

  // Enter in a search field looks for something, and saves nothing.
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && event.target.matches('[data-filter]')) event.preventDefault();
    const form = event.target.closest?.('form[data-keys]');
    if (form && event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });

  document.addEventListener('click', (event) => {
    const to = event.target.closest('[data-line]');
    const text = document.getElementById('text');
    if (!to || !text) return;
    event.preventDefault();
    const lines = text.value.split('\n');
    const line = Math.min(Number(to.dataset.line), lines.length);
    const from = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(from, from + lines[line - 1].length);
    text.scrollTop = (line - 3) * (text.scrollHeight / lines.length);
  });

  document.addEventListener('DOMContentLoaded', () => document.getElementById('main')?.classList.add('scripted'));
})();
