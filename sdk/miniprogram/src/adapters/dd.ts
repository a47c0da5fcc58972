import type { Adapter } from '../platform';
import type { Api } from './like-wx';
import { alipay } from './my';

declare const dd: Api;

/**
 * DingTalk: the shapes of Alipay's runtime, which it began as: `dd.httpRequest` with `headers` and `status`, storage by
 * `{key, data}`. `dd.getAuthCode` gives `authCode`, good for 5 minutes and once, and wants the `corpId` of the corp whose
 * member it is to be of: the query of `App.onLaunch` has it.
 */
export const dingtalk = (api: Api = dd, corpId?: string): Adapter => alipay(api, { corpId });
