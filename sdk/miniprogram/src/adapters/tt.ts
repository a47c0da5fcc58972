import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const tt: Api;

/**
 * Douyin: the same names as WeChat's.
 *
 * `tt.login` opens the app's login page for who is not logged in (`force`, true by default), and fails where he closes it. It
 * succeeds without a `code` where there is but an `anonymousCode`, which is a device's and no user's.
 * https://microapp.bytedance.com/docs/zh-CN/mini-app/develop/api/open-interface/log-in/tt-login/
 * https://developer.open-douyin.com/docs/resource/zh-CN/mini-app/develop/api/network/http/tt-upload-file: `data` of an
 * upload may be text or an object; no header is documented.
 */
export function douyin(api: Api = tt): Adapter {
  return likeWx(api);
}
