'use strict';
// What DevTools' compiler would complain of, and what it would not but a user would: files that are missing, handlers and
// data that a page does not have, components and events that WeChat does not know.
//
//   node check.js DIRECTORY      prints {"pages": […], "problems": […]}

const fs = require('node:fs');
const path = require('node:path');
const { EVENT, expressions, loopNames, names, parse } = require('./wxml.js');
const { MiniProgram } = require('./program.js');

// Components with their own events; the first three belong to all. https://developers.weixin.qq.com/miniprogram/dev/component/
const EVERYWHERE = ['tap', 'longpress', 'touchstart'];
const COMPONENTS = {
  block: [],
  view: [],
  text: [],
  image: ['load', 'error'],
  navigator: ['success', 'fail', 'complete'],
  form: ['submit', 'reset'],
  input: ['input', 'focus', 'blur', 'confirm', 'nicknamereview'],
  button: ['getphonenumber', 'getuserinfo', 'chooseavatar', 'opensetting', 'agreeprivacyauthorization'],
};
// The button's event for what its open-type asks for.
const OPENED = { getPhoneNumber: 'getphonenumber', chooseAvatar: 'chooseavatar', getUserInfo: 'getuserinfo' };

function checkPage(page, source, problems) {
  const say = (problem) => problems.push(`${page.route}.wxml: ${problem}`);

  function uses(text, scope, where) {
    for (const expression of expressions(text)) {
      for (const name of names(expression)) if (!scope.has(name)) say(`${where} names ${name}, which is not in data`);
    }
  }

  function walk(node, scope) {
    for (const child of node.children) {
      if (typeof child === 'string') {
        uses(child, scope, 'a text');
        continue;
      }
      const { name, attributes } = child;
      const events = COMPONENTS[name];
      if (!events) say(`<${name}> is no component that is known here`);
      if ('wx:for' in attributes && !('wx:key' in attributes)) say(`<${name}> has wx:for without wx:key`);
      const inside =
        'wx:for' in attributes ? new Set([...scope, ...Object.keys(loopNames(attributes, null, 0))]) : scope;
      for (const [attribute, text] of Object.entries(attributes)) {
        uses(text, attribute === 'wx:for' ? scope : inside, `<${name} ${attribute}>`);
        const event = EVENT.exec(attribute);
        if (!event) continue;
        if (events && ![...EVERYWHERE, ...events].includes(event[1])) say(`<${name}> has no event ${event[1]}`);
        if (typeof page[text] !== 'function') say(`<${name} ${attribute}> names ${text}, which the page does not have`);
      }
      const opens = OPENED[attributes['open-type']];
      const heard = Object.keys(attributes).map((attribute) => (EVENT.exec(attribute) || [])[1]);
      if (opens && !heard.includes(opens)) say(`<button open-type="${attributes['open-type']}"> does not hear ${opens}`);
      for (const event of Object.values(OPENED)) {
        if (heard.includes(event) && opens !== event) say(`<button> hears ${event}, and no open-type gives it`);
      }
      walk(child, inside);
    }
  }

  walk(parse(source), new Set(Object.keys(page.data)));
}

function check(root) {
  const problems = [];
  const read = (name) => fs.readFileSync(path.join(root, name), 'utf8');
  const there = (name) => fs.existsSync(path.join(root, name)) || problems.push(`${name} is missing`) < 0;
  const app = JSON.parse(read('app.json'));
  for (const name of ['app.js', 'app.wxss', 'project.config.json', app.sitemapLocation]) there(name);
  for (const { pagePath, iconPath } of app.tabBar ? app.tabBar.list : []) {
    if (!app.pages.includes(pagePath)) problems.push(`app.json: the tab ${pagePath} is no page`);
    if (iconPath) there(iconPath);
  }
  const program = new MiniProgram({
    root,
    wx: { getAccountInfoSync: () => ({ miniProgram: { appId: '', envVersion: 'release', version: '' } }) },
  });
  for (const route of app.pages) {
    if (!['.js', '.json', '.wxml', '.wxss'].every((ending) => there(route + ending))) continue;
    JSON.parse(read(`${route}.json`));
    checkPage({ ...program.page(route), route }, read(`${route}.wxml`), problems);
  }
  return { pages: app.pages, problems };
}

console.log(JSON.stringify(check(process.argv[2])));
