import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const swan: Api;

/**
 * Baidu.
 *
 * `swan.getLoginCode` gives a code without a login page; `swan.login`, its elder, gives one too and is asked where the base
 * library does not have the new one. A code is good for ten minutes and once.
 * https://smartprogram.baidu.com/docs/develop/api/open/log_swan-login/
 */
export const baidu = (api: Api = swan): Adapter => likeWx(api, {}, api['getLoginCode'] ? 'getLoginCode' : 'login');
