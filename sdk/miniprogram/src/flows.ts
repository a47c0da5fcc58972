import { parsed, refusalOf, unanswered, unexpected } from './error';
import { loginOf, type Fields, type Gateway, type Login } from './gateway';
import type { Answer, ConnectOptions, RequestOptions, SocketTask, UploadOptions } from './platform';
import type { Profile, ProfileChange } from './profile';

/** A request to the gateway with the login state; one to elsewhere goes as it is, without. */
export function sent<T extends RequestOptions | UploadOptions>(
  { owns, send, carrying, adapter }: Gateway,
  how: 'request' | 'upload',
  options: T,
): Promise<Answer> {
  const once = (carried: T): Promise<Answer> => adapter[how](carried as UploadOptions);
  return owns(options.url) ? send((state) => once(carrying(options, state))) : once(options).catch(unanswered);
}

/** A WebSocket whose login state is known to be good: no platform tells why a handshake failed. */
export async function connected(gateway: Gateway, options: ConnectOptions): Promise<SocketTask> {
  const { adapter, api, kept } = gateway;
  if (!gateway.owns(options.url)) return adapter.connect(options);
  if (api) await gateway.call('GET', 'me');
  else if (!kept.read().state) await gateway.renew();
  const carried = gateway.carrying(options, kept.read().state);
  return adapter.connect({ ...carried, url: carried.url.replace(/^http/, 'ws') });
}

/** A call whose answer holds a new login state. */
export async function bound(gateway: Gateway, path: string, fields: Fields): Promise<Login> {
  return loginOf(await gateway.call('POST', path, fields));
}

export async function shown(gateway: Gateway): Promise<Profile> {
  const profile = await gateway.call<Profile>('GET', 'me');
  return { ...profile, avatar: profile.avatar && gateway.address(profile.avatar) };
}

export async function changed(gateway: Gateway, { avatar, ...fields }: ProfileChange): Promise<Profile> {
  if (avatar) {
    const file = { url: `${gateway.api}/me/avatar`, filePath: avatar, name: 'file' };
    const answer = await sent(gateway, 'upload', file);
    if (!(parsed(answer.data) as Fields)['avatar']) throw unexpected(answer);
  }
  // POST, not PATCH: no platform can send that one.
  if (Object.keys(fields).length) await gateway.call('POST', 'me', fields as Fields);
  return shown(gateway);
}

export async function checked(gateway: Gateway): Promise<boolean> {
  await gateway.settled();
  if (!gateway.kept.read().state) return false;
  const { answer, refused } = await gateway.tried((state) => gateway.ask(state, 'GET', 'me'));
  if (refused && refused.action !== 'login') throw refused;
  if (!refused && answer.statusCode >= 300) throw unexpected(answer);
  return !refused;
}

export async function left({ kept, settled, api, ask }: Gateway, all: boolean): Promise<void> {
  await settled();
  const { state } = kept.read();
  kept.write('', '');
  if (!state || !api) return;
  const refused = refusalOf(await ask(state, 'POST', 'logout', all ? { all } : {}).catch(unanswered));
  if (refused && refused.action !== 'login') throw refused; // no state any more: it is over already
}
