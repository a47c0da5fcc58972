import type { Adapter, SocketTask } from '../platform';
import { answered, asked, likeWx, type Api } from './like-wx';

declare const my: Api;

/**
 * Alipay.
 *
 * - `my.getAuthCode` gives `authCode` for what is `wanted`; `auth_base` asks the user nothing.
 * - `my.request` takes `headers` and gives `status` and `headers`; names and values must be text. Methods: GET, POST, PUT,
 *   DELETE. Older clients have `my.httpRequest` only. https://docs.alipay.com/mini/api/owycmh
 * - A status of 400 and more comes to `fail` with `error: 19` (not in that page; known from libraries that work around it).
 * - `my.uploadFile` calls the field `fileName` and wants a `fileType`, `image` among others.
 * - `my.connectSocket` returns a task with `multiple: true` only. https://opendocs.alipay.com/mini/api/vx19c3
 * - Storage takes `{key, data}` and gives `{data}`.
 */
export const alipay = (api: Api = my, wanted: object = { scopes: 'auth_base' }): Adapter =>
  likeWx(api, {
    code: () => asked<{ authCode: string }>(api, 'getAuthCode', { ...wanted }).then(({ authCode }) => authCode),
    request: ({ header: headers, ...options }) =>
      answered(api, api['request'] ? 'request' : 'httpRequest', { ...options, headers }),
    upload: (options) => answered(api, 'uploadFile', { fileType: 'image', fileName: options.name, ...options }),
    connect: (options) => api['connectSocket']({ ...options, multiple: true }) as SocketTask,
    get: (key) => (api['getStorageSync']({ key }) as { data?: unknown }).data,
    set: (key, data) => api['setStorageSync']({ key, data }),
  });
