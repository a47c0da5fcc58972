import type { Adapter } from '../platform';
import { likeWx, type Api } from './like-wx';

/**
 * Taro, which is no global: `adapters.taro(Taro)`.
 *
 * `Taro.connectSocket` gives a promise of the task. https://docs.taro.zone/docs/apis/network/webSocket/connectSocket
 */
export const taro: (Taro: Api) => Adapter = likeWx;
