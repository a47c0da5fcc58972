import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const ks: Api;

/**
 * Kuaishou: the same names as WeChat's. `ks.login` gives a code that works once, and changes the user's session_key.
 * https://ks-game-docs.kuaishou.com/minigame/guide/open-function/login.html; that `ks.request`, `ks.uploadFile` and
 * `ks.connectSocket` have WeChat's shapes is taken from uni-app's and Taro's handling of them, not from Kuaishou's pages.
 */
export const kuaishou = (api: Api = ks): Adapter => likeWx(api);
