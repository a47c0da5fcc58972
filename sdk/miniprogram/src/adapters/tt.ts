import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const tt: Api;

/**
 * Douyin: the same names as WeChat's.
 *
 * `tt.login` opens the app's login page for who is not logged in, unless it is called with `force: false`: then it gives an
 * `anonymousCode`, which is no user's. So `force` keeps its default, true.
 * https://developer.open-douyin.com/docs/resource/zh-CN/mini-app/develop/api/network/http/tt-upload-file: `data` of an
 * upload may be text or an object; no header is documented.
 */
export function douyin(api: Api = tt): Adapter {
  return likeWx(api);
}
