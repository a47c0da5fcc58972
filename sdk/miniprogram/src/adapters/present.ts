import type { Adapter } from '../platform';
import { dingtalk } from './dd';
import { kuaishou } from './ks';
import { alipay } from './my';
import { qqOf } from './qq';
import { baidu } from './swan';
import { douyin } from './tt';
import { uniApp } from './uni';
import { wechat } from './wx';
import { xiaohongshu } from './xhs';

/** Several platforms define `wx` beside their own name for the sake of old code, so `wx` is asked late. */
const SPECIFIC_FIRST = [dingtalk, alipay, baidu, douyin, kuaishou, xiaohongshu, qqOf, wechat, uniApp];

/**
 * The adapter of the platform that this runs on. Throws TypeError where none is known.
 *
 * An adapter asks for its platform's global by name, which is a ReferenceError on every other platform. (In a mini program
 * a global need not be a property of anything, so it cannot be looked up.)
 */
export function present(): Adapter {
  for (const adapter of SPECIFIC_FIRST) {
    try {
      return adapter();
    } catch (_) {
      // Another platform.
    }
  }
  throw new TypeError('adapter: ?');
}
