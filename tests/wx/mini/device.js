'use strict';
// A phone on which a mini program runs and somebody presses buttons: one JSON command a line in, one JSON answer a line
// out, when all that the command began has come to an end.
//
//   node device.js '{"root": DIRECTORY, "emulator": …, "appid": …, "user": …, "phone": …, "storage": {…},
//                    "replace": {"config.js": {"text": "what stands there instead"}}}'
//
//   {"do": "launch"}                       as after a cold start; "path": … is another page than the first
//   {"do": "press", "text": …}             what shows this text; open-type buttons as WeChat answers, or
//     "deny": true                           as it does when the user refuses
//     "old": true                            as base libraries did that give no phone code
//     "avatar": FILE                         the picture that is chosen
//   {"do": "type", "name": …, "text": …}   into the input of this name
//   {"do": "tab", "text": …}               a tab of the bar
//   {"do": "pull"}                         pull the page down
//   {"do": "back"}                         the arrow at the top
//
// An answer is {"page", "texts", "images", "passed", "toasts", "modals", "opened", "storage", "error"}; `passed` is what
// could be read meanwhile, one list of texts for each time the page was drawn differently.

const readline = require('node:readline');
const { makeWx } = require('../phone.js');
const { texts, within } = require('./wxml.js');
const { MiniProgram, api } = require('./program.js');

const settings = JSON.parse(process.argv[2]);
const { wx, storage, toasts, idle, pressed } = makeWx(settings);
for (const [key, value] of Object.entries(settings.storage || {})) storage.set(key, value);

const modals = [];
const opened = [];
let pulling = false;
let passed = [];
let error = '';

const program = new MiniProgram({
  root: settings.root,
  replace: settings.replace,
  log: new console.Console(process.stderr),
  onDraw(page) {
    if (page !== program.top) return;
    const read = texts(page.drawn());
    if (JSON.stringify(read) !== JSON.stringify(passed[passed.length - 1])) passed.push(read);
  },
  wx: Object.assign(wx, {
    // The user agrees to what he is asked.
    showModal: api('showModal', (options) => {
      modals.push({ title: options.title, content: options.content });
      return { confirm: true, cancel: false };
    }),
    openPrivacyContract: api('openPrivacyContract', () => void opened.push('privacy')),
    stopPullDownRefresh: api('stopPullDownRefresh', () => void (pulling = false)),
    getAccountInfoSync: () => ({ miniProgram: { appId: settings.appid, envVersion: settings.envVersion || 'develop', version: '' } }),
  }),
});
Object.assign(wx, program.navigation);

process.on('unhandledRejection', (reason) => (error ||= `unhandled: ${(reason && reason.stack) || JSON.stringify(reason)}`));

function find(fits, what) {
  const all = [...within(program.top.drawn())].filter(fits);
  if (!all.length) throw new Error(`the page shows no ${what}: ${JSON.stringify(texts(program.top.drawn()))}`);
  return all[all.length - 1];
}

// A handler of the element itself, or of what it stands in, as events bubble.
function handle(chain, type, detail, bubbles = true) {
  const [target] = chain;
  const hearing = (bubbles ? chain : [target]).find((node) => node.handlers[type]);
  if (!hearing) return false;
  const about = (node) => ({ id: node.attributes.id || '', dataset: node.dataset });
  program.top[hearing.handlers[type]]({ type, detail, target: about(target), currentTarget: about(hearing) });
  return true;
}

const values = (form) =>
  Object.fromEntries(
    [...within(form.children)]
      .map(([node]) => node)
      .filter((node) => node.name === 'input' && node.attributes.name)
      .map(({ attributes: { name, value } }) => [name, program.top.typed[name] ?? String(value ?? '')]),
  );

async function press({ text, deny, old, avatar }) {
  const [element, above] = find(([node]) => texts(node.children).includes(text), text);
  const chain = [element, ...above];
  const button = chain.find((node) => node.name === 'button') || element;
  if (button.attributes.disabled) throw new Error(`${text} is disabled`);
  const from = chain.slice(chain.indexOf(button));
  const opens = button.attributes['open-type'];
  if (opens === 'getPhoneNumber') {
    const detail = deny ? { errMsg: 'getPhoneNumber:fail user deny' } : await pressed.getPhoneNumber({ old });
    handle([button], 'getphonenumber', detail, false);
  } else if (opens === 'chooseAvatar') {
    // Whoever closes the sheet has chosen nothing, and the page hears nothing.
    if (!deny) handle([button], 'chooseavatar', { avatarUrl: avatar }, false);
  } else if (button.attributes['form-type'] === 'submit') {
    const form = from.find((node) => node.name === 'form');
    handle([form], 'submit', { value: values(form) }, false);
  } else if (!handle(from, 'tap', {})) {
    throw new Error(`nothing hears that ${text} is pressed`);
  }
}

const commands = {
  launch: ({ path }) => program.launch(path),
  press,
  type({ name, text }) {
    const [input] = find(([node]) => node.name === 'input' && node.attributes.name === name, `input ${name}`);
    if (text.length > Number(input.attributes.maxlength ?? 140)) throw new Error(`${name} takes less`);
    program.top.typed[name] = text;
    handle([input], 'input', { value: text }, false);
  },
  tab({ text }) {
    program.switchTab(program.config.tabBar.list.find((tab) => tab.text === text).pagePath);
  },
  async pull() {
    const enabled = program.top.config.enablePullDownRefresh ?? program.config.window.enablePullDownRefresh;
    if (!enabled) throw new Error('this page cannot be pulled down');
    pulling = true;
    program.tell(program.top, 'onPullDownRefresh');
    await idle();
    if (pulling) throw new Error('the page is still pulled down');
  },
  back: () => program.navigateBack(),
};

async function done(command) {
  error = '';
  passed = [];
  toasts.length = modals.length = opened.length = 0;
  try {
    await commands[command.do](command);
  } catch (reason) {
    error = reason.stack || String(reason);
  }
  await idle();
  let drawn = [];
  try {
    if (program.top) drawn = program.top.drawn();
  } catch (reason) {
    error ||= reason.stack;
  }
  return {
    page: program.top ? program.top.route : '',
    texts: texts(drawn),
    images: [...within(drawn)].filter(([node]) => node.name === 'image').map(([node]) => node.attributes.src),
    passed,
    toasts,
    modals,
    opened,
    storage: Object.fromEntries(storage),
    error,
  };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await done(JSON.parse(line))));
  }
})();
