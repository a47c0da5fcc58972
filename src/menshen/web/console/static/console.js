// What pages do by themselves: local times, menus, dialogs, keys. Everything works without it but for the keys.
(() => {
  'use strict';

  const local = (root) => {
    for (const time of root.querySelectorAll('time[datetime]:not([data-local])')) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.dataset.local = '';
      time.title = time.textContent;
      time.textContent = at.toLocaleString(document.documentElement.lang, { hour12: false });
    }
  };

  const typing = (target) => target.closest('input, textarea, select, [contenteditable]') !== null;

  let afterG = 0;
  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector('dialog[open]')) return;
    if (event.key === '/') {
      const search = document.querySelector('main [type=search]');
      if (search) { event.preventDefault(); search.focus(); }
    } else if (event.key === '?') {
      document.getElementById('keys')?.showModal();
    } else if (event.key === 'g') {
      afterG = Date.now();
      return;
    } else if (Date.now() - afterG < 1500) {
      const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
    }
    afterG = 0;
  };

  const clicks = (event) => {
    const toggle = event.target.closest('[data-toggle]');
    if (toggle) {
      const open = document.getElementById(toggle.dataset.toggle).classList.toggle('open');
      toggle.setAttribute('aria-expanded', String(open));
      return;
    }
    const opener = event.target.closest('[data-dialog]');
    if (opener) {
      const dialog = event.ctrlKey || event.metaKey ? null : document.getElementById(opener.dataset.dialog);
      if (dialog) { event.preventDefault(); dialog.showModal(); }
      return;
    }
    const closer = event.target.closest('[data-close]');
    if (closer) {
      const dialog = closer.closest('dialog');
      if (dialog) { event.preventDefault(); dialog.close(); }
      return;
    }
    const copier = event.target.closest('[data-copy]');
    if (copier) {
      navigator.clipboard?.writeText(document.getElementById(copier.dataset.copy).textContent.trim());
      copier.classList.add('done');
      return;
    }
    const all = event.target.closest('[data-check-all]');
    if (all) {
      for (const box of document.querySelectorAll(`input[type=checkbox][name="${CSS.escape(all.dataset.checkAll)}"]`)) {
        box.checked = all.checked;
      }
      return;
    }
    for (const menu of document.querySelectorAll('details.me[open]')) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  };

  // A form that asks first: <form data-confirm="Delete it?">. The words come from the page, in its language.
  const submits = (event) => {
    const words = event.submitter?.dataset.confirm || event.target.dataset.confirm;
    if (words && !window.confirm(words)) event.preventDefault();
  };

  document.addEventListener('keydown', keys);
  document.addEventListener('click', clicks);
  document.addEventListener('submit', submits);
  document.addEventListener('DOMContentLoaded', () => local(document));
  document.addEventListener('htmx:load', (event) => local(event.detail.elt.parentElement || document));
})();
