import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

/**
 * WeChat, whose shapes are the SDK's own.
 *
 * https://developers.weixin.qq.com/miniprogram/dev/api/network/request/wx.request.html: any HTTP status is a `success`;
 * the methods are OPTIONS, GET, HEAD, POST, PUT, DELETE, TRACE and CONNECT, so no PATCH. `wx.uploadFile` documents
 * `data` and `statusCode` only, no header.
 */
export const wechat = (api: Api = wx): Adapter => likeWx(api);
