import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const qq: Api;

/**
 * QQ: what its pages do not list is as in WeChat (http://h5.qianbao.qq.com/wiki/articleH5?id=1237, an early page). That
 * `qq.login` gives a `code` and that a 4xx comes to `success` is known from its server API and from common use only.
 */
export const qqOf = (api: Api = qq): Adapter => likeWx(api);
