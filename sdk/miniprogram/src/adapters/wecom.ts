import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

/**
 * WeCom: WeChat's runtime with a `wx.qy`, whose `login` gives a code for the corp. The same mini program runs in WeChat too,
 * where there is no such code: it fails there, and `present` never takes this one.
 * https://developer.work.weixin.qq.com/document/path/91506
 */
export const wecom = (api: Api = wx): Adapter => likeWx(api, {}, 'login', api['qy'] || {});
