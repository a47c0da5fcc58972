// A mini program in TypeScript: compiled by types.test.js against the built declarations alone, without any platform's types.

import { Menshen, MenshenError, adapters, type Answer, type Login, type Profile, type SocketTask } from '../miniprogram_dist';
import Authing = require('../miniprogram_dist/authing');

interface Order {
  id: number;
}

const menshen = new Menshen({
  baseUrl: 'https://gw.example.com',
  session: { name: 'token', in: 'query' },
  login: { url: '/mall/login', code: { in: 'header', name: 'js_code' } },
  adapter: adapters.taro({}),
});

export async function everything(): Promise<void> {
  const login: Login = await menshen.login({ captcha: 'x' });
  const orders: Answer<Order[]> = await menshen.request<Order[]>({ url: '/orders', method: 'POST', data: { sku: 7 }, enableHttp2: true });
  const first: number | undefined = orders.data[0]?.id;
  const text: string = (await menshen.upload({ url: '/f', filePath: 'p', name: 'file' })).data;
  const socket: SocketTask = await menshen.connect({ url: '/chat' });
  socket.onMessage(({ data }) => console.log(data, first, text, login.expiresIn));
  await menshen.bindPhone({ code: 'x' });
  const profile: Profile = await menshen.updateProfile({ nickname: 'x', avatar: 'wxfile://tmp' });
  const good: boolean = await menshen.checkLogin();
  menshen.request({ url: '/orders', success: ({ statusCode }) => console.log(statusCode), fail: (error) => console.log(error) });
  await menshen.logout({ all: true }).catch((error: unknown) => {
    if (error instanceof MenshenError && error.action === 'retry') console.log(error.retryAfter, good, profile.avatar);
  });
  const user = await new Authing({ userPoolId: 'x', host: 'https://gw.example.com' }).loginWithWxapp('code', { errMsg: 'getUserInfo:ok' });
  console.log(user._id, user.photo);
  // @ts-expect-error: a request needs a URL
  await menshen.request({ method: 'GET' });
}

declare const console: { log(...values: unknown[]): void };
