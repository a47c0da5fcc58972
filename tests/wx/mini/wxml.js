'use strict';
// WXML, as much of it as pages need that have no template and no component of their own: read, and drawn with a page's data.
// What the real compiler or renderer would refuse is an error here too.
// https://developers.weixin.qq.com/miniprogram/dev/reference/wxml/

const TAG = /<!--[\s\S]*?-->|<\/([\w-]+)\s*>|<([\w-]+)((?:\s+[\w:-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'))?)*)\s*(\/?)>/g;
const ATTRIBUTE = /([\w:-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?/g;

// A tree of {name, attributes, children}; texts are strings.
function parse(text) {
  const root = { name: 'block', attributes: {}, children: [] };
  const open = [root];
  let at = 0;
  const add = (child) => open[open.length - 1].children.push(child);
  const between = (until) => {
    const words = text.slice(at, until);
    if (/<[\w/!]/.test(words)) throw new Error(`not WXML: ${words.trim()}`);
    if (words.trim()) add(words.trim());
  };
  for (const found of text.matchAll(TAG)) {
    between(found.index);
    at = found.index + found[0].length;
    const [, closed, opened, attributes, alone] = found;
    if (closed) {
      const last = open.pop();
      if (last.name !== closed || !open.length) throw new Error(`</${closed}> closes <${last.name}>`);
    } else if (opened) {
      const node = { name: opened, attributes: {}, children: [] };
      for (const [, name, double, single] of attributes.matchAll(ATTRIBUTE)) {
        if (name in node.attributes) throw new Error(`<${opened}> has ${name} twice`);
        node.attributes[name] = double ?? single ?? true;
      }
      add(node);
      if (!alone) open.push(node);
    }
  }
  between(text.length);
  if (open.length > 1) throw new Error(`<${open.pop().name}> is not closed`);
  return root;
}

const PIECE = /\{\{([\s\S]*?)\}\}/g;
const WORDS = new Set(['true', 'false', 'null', 'undefined']);

function expressions(value) {
  return value === true ? [] : [...value.matchAll(PIECE)].map((found) => found[1].trim());
}

// The names that an expression takes from the data. WXML's expressions are a small part of JavaScript's.
function names(expression) {
  const bare = expression.replace(/'[^']*'|"[^"]*"/g, '0');
  if (/[`;]|=>|\?\.|\?\?|[\w$)\]]\s*\(|(?<![=!<>])=(?!=)/.test(bare)) throw new Error(`WXML knows no such thing: {{${expression}}}`);
  const found = [...bare.matchAll(/(?<![\w$.])[A-Za-z_$][\w$]*/g)].map((match) => match[0]);
  return found.filter((name) => !WORDS.has(name));
}

function evaluate(expression, scope) {
  const used = [...new Set(names(expression))];
  return new Function(...used, `'use strict'; return (${expression});`)(...used.map((name) => scope[name]));
}

// The value of an attribute or a text: one expression alone keeps its type, everything else is a string.
function valueOf(text, scope) {
  if (text === true) return true;
  const alone = /^\{\{((?:(?!\}\})[\s\S])*)\}\}$/.exec(text);
  if (alone) return evaluate(alone[1], scope);
  return text.replace(PIECE, (_, expression) => shown(evaluate(expression, scope)));
}

const shown = (value) => (value === undefined || value === null ? '' : String(value));

const EVENT = /^(?:capture-)?(?:bind|catch):?([a-z]+)$/;
const CONTROL = /^wx:(if|elif|else|for|for-item|for-index|key)$/;

// What can be seen: {name, attributes, handlers, dataset, children}, texts as strings.
function draw(node, scope) {
  const out = [];
  let taken = true;
  for (const child of node.children) {
    if (typeof child === 'string') {
      const words = shown(valueOf(child, scope)).trim();
      if (words) out.push(words);
      continue;
    }
    const { attributes } = child;
    if ('wx:if' in attributes) taken = Boolean(valueOf(attributes['wx:if'], scope));
    else if ('wx:elif' in attributes) {
      if (taken) continue;
      taken = Boolean(valueOf(attributes['wx:elif'], scope));
    } else if ('wx:else' in attributes) {
      if (taken) continue;
      taken = true;
    } else taken = true;
    if (!taken) continue;
    if (!('wx:for' in attributes)) {
      out.push(...element(child, scope));
      continue;
    }
    const list = valueOf(attributes['wx:for'], scope);
    if (!Array.isArray(list)) throw new Error(`wx:for over ${typeof list}`);
    list.forEach((item, index) => out.push(...element(child, { ...scope, ...loopNames(attributes, item, index) })));
  }
  return out;
}

function loopNames(attributes, item, index) {
  return { [attributes['wx:for-item'] || 'item']: item, [attributes['wx:for-index'] || 'index']: index };
}

function element(node, scope) {
  if (node.name === 'block') return draw(node, scope);
  const drawn = { name: node.name, attributes: {}, handlers: {}, dataset: {}, children: [] };
  for (const [name, text] of Object.entries(node.attributes)) {
    if (CONTROL.test(name)) continue;
    const event = EVENT.exec(name);
    if (event) drawn.handlers[event[1]] = valueOf(text, scope);
    else if (name.startsWith('data-')) drawn.dataset[camel(name.slice(5))] = valueOf(text, scope);
    else drawn.attributes[name] = valueOf(text, scope);
  }
  if (drawn.attributes.hidden && drawn.attributes.hidden !== 'false') return [];
  drawn.children = draw(node, scope);
  return [drawn];
}

const camel = (name) => name.toLowerCase().replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

// The texts that a user reads, from top to bottom; an empty input shows its placeholder.
function texts(nodes) {
  return nodes.flatMap((node) => {
    if (typeof node === 'string') return [node];
    if (node.name === 'input') return [shown(node.attributes.value) || shown(node.attributes.placeholder)];
    return texts(node.children);
  });
}

function* within(nodes, above = []) {
  for (const node of nodes) {
    if (typeof node === 'string') continue;
    yield [node, above];
    yield* within(node.children, [node, ...above]);
  }
}

module.exports = { parse, draw, texts, within, names, expressions, loopNames, EVENT };
