import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const tt: Api;

/**
 * Douyin, and Feishu (Lark), whose mini programs have a `tt` as well: the same names as WeChat's.
 *
 * `tt.login` opens the app's login page for who is not logged in (`force`, true by default), and fails where he closes it. It
 * succeeds without a `code` where there is but an `anonymousCode`, which is a device's and no user's.
 * https://microapp.bytedance.com/docs/zh-CN/mini-app/develop/api/open-interface/log-in/tt-login/
 * https://developer.open-douyin.com/docs/resource/zh-CN/mini-app/develop/api/network/http/tt-upload-file: `data` of an
 * upload may be text or an object; no header is documented.
 *
 * Feishu's `tt.request` takes `header` (https://open.feishu.cn/document/uYjL24iN/uIDMx4iMwEjLyATM.md); that its answer,
 * `tt.login` and storage have WeChat's shapes is taken from public projects.
 */
export const douyin = (api: Api = tt): Adapter => likeWx(api);
