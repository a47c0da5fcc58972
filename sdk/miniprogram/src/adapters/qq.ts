import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const qq: Api;

/** QQ: the same names as WeChat's. https://q.qq.com/wiki/develop/miniprogram/API/ */
export function qqOf(api: Api = qq): Adapter {
  return likeWx(api);
}
