'use strict';
// The phone of the "Try it" page: what a mini program's runtime is to a page, App and Page and a `wx`. Its wx.login and
// wx.request go through the console, to the emulator and to this node's gateway; every arrow of the diagram beside it is
// what the console saw of that call.
(() => {
  const room = document.getElementById('try');
  const view = document.getElementById('phone-view');
  const toast = document.getElementById('phone-toast');
  const steps = document.getElementById('steps');
  const { csrf, phone, person, settings } = room.dataset;
  const globalData = JSON.parse(settings);
  const origin = new URL(globalData.login.url).origin;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;

  const pause = (milliseconds) => new Promise((done) => setTimeout(done, still ? 0 : milliseconds));
  const fresh = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

  // Arrows are drawn one after the other, also those of two calls at once.
  let drawing = Promise.resolve();
  function draw(html) {
    const drawn = document.createElement('template');
    drawn.innerHTML = html; // from our own templates, which escape whatever anybody sent
    drawing = drawing.then(async () => {
      for (const step of [...drawn.content.children]) {
        steps.append(step);
        step.scrollIntoView({ block: 'nearest', behavior: still ? 'auto' : 'smooth' });
        await pause(220);
      }
    });
    return drawing;
  }

  async function ask(what, fields) {
    const answer = await fetch(`/console/try/${what}`, {
      method: 'POST',
      headers: { 'x-csrf-token': csrf },
      body: new URLSearchParams({ phone, ...fields }),
      redirect: 'error',
    });
    if (!(answer.headers.get('content-type') || '').startsWith('application/json')) {
      throw new Error(`HTTP ${answer.status}`);
    }
    const told = await answer.json();
    if (told.fail) throw new Error(told.fail);
    await draw(told.steps);
    return told;
  }

  async function exchange({ url, method, header, body = '' }) {
    const target = new URL(url);
    // A mini program may call only what its team has listed as its own.
    if (target.origin !== origin) throw new Error('url not in domain list');
    const waiting = fresh('waiting');
    steps.append(waiting);
    try {
      const headers = Object.entries(header);
      return await ask('request', {
        wish: JSON.stringify({ phone, method, path: target.pathname + target.search, headers, body }),
      });
    } finally {
      waiting.remove();
    }
  }

  // One press of a button, under its name; others wait.
  async function act(button, work) {
    if (room.dataset.busy) return;
    room.dataset.busy = 'yes';
    const title = fresh('act');
    title.textContent = button.textContent;
    steps.append(title);
    try {
      await work();
    } catch (error) {
      const failed = fresh('failed');
      failed.textContent = error.message;
      steps.append(failed);
    } finally {
      delete room.dataset.busy;
    }
  }

  let code = '';
  async function login() {
    const told = await ask('login', { person });
    code = told.code;
    return told;
  }

  function show({ title, icon }) {
    toast.textContent = title;
    toast.className = icon === 'error' ? 'error' : 'success';
    toast.hidden = false;
    setTimeout(() => (toast.hidden = true), 1500);
  }

  const language = document.documentElement.lang === 'zh-CN' ? 'zh_CN' : 'en';
  // The platform answers checkSession to a phone of its own, which the emulator's users do not have.
  const { wx, idle } = makeWx({ login, exchange, checkSession: async () => {}, language, show });

  // setData shows a value in every [data-text] of its name, and [data-if] where it is true.
  function Page(members) {
    const page = Object.assign(Object.create(members), members, { data: { ...members.data } });
    page.setData = (changes, then) => {
      Object.assign(page.data, changes);
      for (const each of view.querySelectorAll('[data-text]')) each.textContent = page.data[each.dataset.text] ?? '';
      for (const each of view.querySelectorAll('[data-if]')) each.hidden = !page.data[each.dataset.if];
      if (then) then.call(page);
    };
    view.addEventListener('click', (event) => {
      const button = event.target.closest('[data-tap]');
      if (!button) return;
      act(button, async () => {
        page[button.dataset.tap]({ type: 'tap', currentTarget: button });
        await idle();
      });
    });
    page.setData({});
    for (const moment of ['onLoad', 'onShow', 'onReady']) if (page[moment]) page[moment]({});
  }

  document.getElementById('clear').addEventListener('click', () => steps.replaceChildren());
  document.getElementById('end').addEventListener('click', (event) => {
    act(event.currentTarget, () => ask('end', { code }));
  });

  Object.assign(globalThis, { wx, Page, App: () => {}, getApp: () => ({ globalData }) });
})();
