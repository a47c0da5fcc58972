import type { Adapter, SocketTask } from '../platform';
import { likeWx, type Api } from './like-wx';

declare const uni: Api;

/**
 * uni-app, compiled to whatever platform.
 *
 * `uni.connectSocket` gives a promise unless it is called with a callback; on Alipay a task with `multiple: true` only.
 * https://uniapp.dcloud.net.cn/api/request/websocket.html
 */
export const uniApp = (api: Api = uni): Adapter =>
  likeWx(api, {
    connect: (options) => api['connectSocket']({ ...options, multiple: true, complete: () => undefined }) as SocketTask,
  });
