'use strict';
// Takes the token out of the address, where it would stay in the history, and sends the form with it.
(() => {
  const form = document.getElementById('enter');
  const token = location.hash.slice(1);
  history.replaceState(null, '', location.pathname + location.search);
  if (!token) return;
  form.elements.token.value = token;
  form.requestSubmit();
})();
