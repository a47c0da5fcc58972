import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const xhs: Api;

/**
 * Xiaohongshu: the same names as WeChat's. `xhs.login` gives `code` (https://miniapp.xiaohongshu.com/doc/DC109866), and
 * storage takes key and value (https://miniapp.xiaohongshu.com/doc/DC883145); that `xhs.request` answers with `statusCode`
 * and `header` is not confirmed.
 */
export const xiaohongshu = (api: Api = xhs): Adapter => likeWx(api);
