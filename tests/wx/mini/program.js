'use strict';
// A mini program in Node: its modules with what a mini program has of globals and nothing of Node's, App, Page and their
// lifecycle, setData, and a stack of pages. https://developers.weixin.qq.com/miniprogram/dev/reference/

const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { draw, parse } = require('./wxml.js');

const copied = (data) => JSON.parse(JSON.stringify(data));

// An API that takes callbacks or gives a promise, as all of `wx` do.
function api(name, work) {
  return (options = {}) => {
    const told = (async () => ({ ...(await work(options)), errMsg: `${name}:ok` }))().catch((error) => {
      throw { errMsg: `${name}:fail ${error.message}` };
    });
    const { success, fail, complete } = options;
    if (!success && !fail && !complete) return told;
    const then = (first) => (result) => {
      if (first) first(result);
      if (complete) complete(result);
    };
    told.then(then(success), then(fail));
    return undefined;
  };
}

class MiniProgram {
  // `replace` is {file: {text: text}}: what is to stand in a file instead. `onDraw` is told of every page as it is drawn.
  // `log` is the console of page code.
  constructor({ root, wx, replace = {}, onDraw = () => {}, log = console }) {
    this.root = path.resolve(root);
    this.replace = replace;
    this.onDraw = onDraw;
    this.config = JSON.parse(fs.readFileSync(path.join(root, 'app.json'), 'utf8'));
    this.modules = new Map();
    this.pages = new Map();
    this.stack = [];
    this.app = undefined;
    this.wx = wx;
    this.context = vm.createContext({
      wx,
      console: log,
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
      App: (options) => (this.app = options),
      Page: (options) => (this.defined = options),
      getApp: () => this.app,
      getCurrentPages: () => [...this.stack],
    });
  }

  // Relative paths, and packages in the nearest miniprogram_npm, which DevTools' "build npm" makes.
  resolve(asked, from) {
    const candidates = (base) => [base, `${base}.js`, path.join(base, 'index.js')];
    const found = (list) => list.find((name) => fs.existsSync(name) && fs.statSync(name).isFile());
    if (/^\.{1,2}\//.test(asked)) {
      const file = found(candidates(path.resolve(from, asked)));
      if (file && file.startsWith(this.root + path.sep)) return file;
    } else {
      for (let folder = from; folder.startsWith(this.root); folder = path.dirname(folder)) {
        const file = found(candidates(path.join(folder, 'miniprogram_npm', asked)));
        if (file) return file;
      }
    }
    throw new Error(`module '${asked}' is not defined, require args is '${asked}'`);
  }

  require(file) {
    if (this.modules.has(file)) return this.modules.get(file).exports;
    const module = { exports: {} };
    this.modules.set(file, module);
    let code = fs.readFileSync(file, 'utf8');
    for (const [text, instead] of Object.entries(this.replace[path.relative(this.root, file)] || {})) {
      if (!code.includes(text)) throw new Error(`${file} has no ${text}`);
      code = code.split(text).join(instead);
    }
    const run = vm.runInContext(`(function (require, module, exports) {${code}\n})`, this.context, { filename: file });
    run((asked) => this.require(this.resolve(asked, path.dirname(file))), module, module.exports);
    return module.exports;
  }

  // What a page's file gives to Page.
  page(route) {
    if (!this.app) this.require(path.join(this.root, 'app.js'));
    if (!this.pages.has(route)) {
      this.defined = undefined;
      this.require(path.join(this.root, `${route}.js`));
      if (!this.defined) throw new Error(`${route}.js calls no Page`);
      this.pages.set(route, {
        options: this.defined,
        wxml: parse(fs.readFileSync(path.join(this.root, `${route}.wxml`), 'utf8')),
        config: JSON.parse(fs.readFileSync(path.join(this.root, `${route}.json`), 'utf8')),
      });
    }
    return this.pages.get(route).options;
  }

  make(route) {
    if (!this.config.pages.includes(route)) throw new Error(`page "${route}" is not found`);
    const options = this.page(route);
    const { wxml, config } = this.pages.get(route);
    const page = { ...options, route, data: copied(options.data || {}), config, typed: {} };
    page.setData = (changes, then) => {
      for (const [key, value] of Object.entries(changes)) {
        if (value === undefined) throw new Error(`setData: ${key} is undefined`);
        assign(page.data, key, copied(value));
      }
      this.onDraw(page);
      if (then) then.call(page);
    };
    page.drawn = () => draw(wxml, page.data);
    return page;
  }

  get top() {
    return this.stack[this.stack.length - 1];
  }

  tell(page, name, ...values) {
    return typeof page[name] === 'function' ? page[name](...values) : undefined;
  }

  enter(route, query = {}) {
    const page = this.make(route);
    this.stack.push(page);
    this.onDraw(page);
    this.tell(page, 'onLoad', query);
    this.tell(page, 'onShow');
    this.tell(page, 'onReady');
  }

  leave() {
    this.tell(this.stack.pop(), 'onUnload');
  }

  launch(route = this.config.pages[0]) {
    this.modules.clear();
    this.pages.clear();
    this.stack = [];
    this.app = undefined;
    this.page(route);
    const start = { path: route, query: {}, scene: 1001 };
    this.tell(this.app, 'onLaunch', start);
    this.tell(this.app, 'onShow', start);
    this.tabs = new Map();
    this.enter(route);
    if (this.tabRoutes.includes(route)) this.tabs.set(route, this.top);
  }

  get tabRoutes() {
    return (this.config.tabBar ? this.config.tabBar.list : []).map((tab) => tab.pagePath);
  }

  // A page of a tab stays as it is while another is shown; what stood above it goes.
  switchTab(route) {
    if (!this.tabRoutes.includes(route)) throw new Error(`can not switch to no-tabBar page`);
    if (this.top.route === route) return;
    while (this.stack.length > 1) this.leave();
    if (this.top.route === route) return this.tell(this.top, 'onShow');
    this.tell(this.stack.pop(), 'onHide');
    const kept = this.tabs.get(route);
    if (!kept) {
      this.enter(route);
      this.tabs.set(route, this.top);
      return;
    }
    this.stack.push(kept);
    this.onDraw(kept);
    this.tell(kept, 'onShow');
  }

  navigateTo(url) {
    const [where, query = ''] = url.split('?');
    const route = path.posix.resolve('/', path.posix.dirname(this.top.route), where).slice(1);
    if (this.tabRoutes.includes(route)) throw new Error('can not navigateTo a tabbar page');
    if (this.stack.length >= 10) throw new Error('webview count limit exceed');
    this.tell(this.top, 'onHide');
    this.enter(route, Object.fromEntries(new URLSearchParams(query)));
  }

  navigateBack() {
    if (this.stack.length < 2) throw new Error('cannot navigate back at first page.');
    this.leave();
    this.onDraw(this.top);
    this.tell(this.top, 'onShow');
  }

  // The part of `wx` that moves between pages.
  get navigation() {
    return {
      navigateTo: api('navigateTo', ({ url }) => this.navigateTo(url)),
      navigateBack: api('navigateBack', () => this.navigateBack()),
      switchTab: api('switchTab', ({ url }) => this.switchTab(url.replace(/^\//, ''))),
    };
  }
}

// setData's paths: `a.b[0].c`.
function assign(data, key, value) {
  const steps = key.match(/[^.[\]]+/g);
  const last = steps.pop();
  let at = data;
  for (const step of steps) at = at[step] ??= {};
  at[last] = value;
}

module.exports = { MiniProgram, api };
