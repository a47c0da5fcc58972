import { present } from './adapters/present';
import { codeless, parsed, refusalOf, unanswered, unexpected, type MenshenError } from './error';
import { carriedBy } from './header';
import { keeping, type Keeping } from './kept';
import type { MenshenOptions } from './options';
import { placed } from './placing';
import type { Adapter, Answer, RequestOptions } from './platform';
import { renewal } from './renewal';

/** What a login gave. Where one logs in by a business API, it is undefined what that API does not tell. */
export interface Login {
  uid: string | undefined;
  newUser: boolean | undefined;
  /** In seconds. */
  expiresIn: number | undefined;
  /** The whole answer: of the gateway, or of the business API. */
  data: unknown;
}

export type Fields = Record<string, unknown>;

/** One answer, and whether the gateway refused. */
export interface Tried {
  answer: Answer;
  refused: MenshenError | undefined;
}

/** The gateway: a login state that is kept, renewed and sent. */
export interface Gateway {
  adapter: Adapter;
  api: string;
  kept: Keeping;
  /** Whether a URL is the gateway's. Nothing else ever gets the login state. */
  owns(url: string): boolean;
  /** The whole address of a path. */
  address(url: string): string;
  /** A request with a login state in its place. */
  carrying<T extends { url: string }>(options: T, state: string): T;
  /**
   * Sends a request. Where the gateway refuses its login state, logs in, together with everybody who needs it, and sends it
   * once more. Any other refusal is the error; what a backend answers is the answer.
   */
  send(once: (state: string) => Promise<Answer>): Promise<Answer>;
  /** One request, whatever its answer; a renewed state that comes with it is kept. */
  tried(once: (state: string) => Promise<Answer>): Promise<Tried & { used: string }>;
  /** One request to the user API, with a login state. */
  ask(state: string, method: string, path: string, data?: Fields): Promise<Answer>;
  /** The same, sent with the login state as `send` does it. Gives the answer's JSON; keeps the state that it holds. */
  call<T>(method: string, path: string, data?: Fields): Promise<T>;
  /** Log in with a fresh code, at `login` or at `login/phone`. Who needs no more than that joins the login under way. */
  login(more?: Fields, path?: string): Promise<Login>;
  /** Another login state: for a refresh token where there is one, else by a login. */
  renew(): Promise<Login>;
  /** Until no login is under way. */
  settled(): Promise<void>;
}

const WHOLE = /^\w+:|^\/\//;

/** Throws TypeError where no request could ever be sent. */
export function gatewayOf(options: MenshenOptions): Gateway {
  const { app = '', api = '/v1', session = {}, login: business, timeout, adapter = present() } = options;
  const base = (options.baseUrl || '').replace(/\/+$/, '');
  if (!/^https?:\/\/./.test(base)) throw new TypeError('baseUrl: https://…');
  const { name = 'user_session', in: position = 'header', refresh: refreshName = 'refresh_token' } = session;
  const kept = keeping(adapter, options.storageKey || `menshen:${app}@${base}`);
  const { settled, entered: oneLogin, failure } = renewal<Login>();

  const owns = (url: string): boolean =>
    !WHOLE.test(url) || `${url.replace(/^ws/, 'http')}/`.indexOf(`${base}/`) === 0;

  const address = (url: string): string => (WHOLE.test(url) ? url : `${base}${url[0] === '/' ? '' : '/'}${url}`);

  function carrying<T extends { url: string }>(options: T, state: string): T {
    const whole = { ...(timeout && { timeout }), ...options, url: address(options.url) };
    return state && owns(options.url) ? placed(whole, { name, in: position }, state) : whole;
  }

  /** Keeps a state and a refresh token, where there is one; gives the state, "" for none. */
  function keep(state: string, refresh: string): string {
    const before = kept.read();
    if (state || refresh) kept.write(state || before.state, refresh || before.refresh);
    return state;
  }

  function keepHeaders(answer: Answer): string {
    return keep(carriedBy(answer, name), carriedBy(answer, refreshName));
  }

  function keepBody(answer: Answer): string {
    const at = (path: string): string => {
      const found = path.split('.').reduce<unknown>((value, each) => value && (value as Fields)[each], parsed(answer.data));
      return typeof found === 'string' ? found : '';
    };
    return keep(at((business && business.state) || name) || at(name), at('refresh_token'));
  }

  async function tried(once: (state: string) => Promise<Answer>): Promise<Tried & { used: string }> {
    const used = kept.read().state;
    const answer = await once(used).catch(unanswered);
    // Renewed by use. Not where another login came between: the state of the one before is worth nothing by now.
    if (kept.read().state === used) keepHeaders(answer);
    return { answer, refused: refusalOf(answer), used };
  }

  async function send(once: (state: string) => Promise<Answer>): Promise<Answer> {
    const before = failure();
    await settled();
    const { answer, refused, used } = await tried(once);
    if (!refused) return answer;
    if (refused.action !== 'login') throw refused;
    // Another request may be logging in, or may have done so: its login is this one's too.
    await settled();
    const { state } = kept.read();
    if (state === used) {
      const failed = failure();
      if (failed && failed !== before) throw failed.error;
      await renew();
    } else if (!state) {
      throw refused; // logged out meanwhile: the user wants no new login
    }
    const again = await tried(once);
    if (again.refused) throw again.refused;
    return again.answer;
  }

  const ask = (state: string, method: string, path: string, data?: Fields): Promise<Answer> =>
    adapter.request(
      carrying({ url: `${api}/${path}`, method, header: { 'content-type': 'application/json' }, data }, state),
    );

  async function call<T>(method: string, path: string, data?: Fields): Promise<T> {
    let used = '';
    const answer = await send((state) => ask((used = state), method, path, data));
    if (answer.statusCode >= 300) throw unexpected(answer);
    // Logged out while it was under way: its new state is not wanted any more.
    if (kept.read().state || !used) keepBody(answer);
    return parsed(answer.data) as T;
  }

  function login(more: Fields = {}, path = 'login'): Promise<Login> {
    return oneLogin(!Object.keys(more).length, () => entering(path, more));
  }

  function renew(): Promise<Login> {
    return oneLogin(true, async () => (await refreshed()) || entering('login', {}));
  }

  async function entering(path: string, more: Fields): Promise<Login> {
    const code = more['code'] || (await adapter.code().catch(codeless)) || codeless();
    // The state before goes along: its session ends with this login, so one that was planted is worth nothing.
    const { state } = kept.read();
    return entered(
      await (business && path === 'login'
        ? adapter.request(carrying(byBusiness(code, more), state))
        : ask(state, 'POST', path, { code, ...(app && { app }), ...more })
      ).catch(unanswered),
    );
  }

  function byBusiness(code: unknown, more: Fields): RequestOptions {
    const { code: place, data, ...request } = business as NonNullable<typeof business>;
    return placed<RequestOptions>({ ...request, data: { ...data, ...more } }, place, code as string);
  }

  /** Trade in the refresh token; undefined where there is none, or where it does not work: then one logs in. */
  async function refreshed(): Promise<Login | undefined> {
    const { state, refresh } = kept.read();
    if (!refresh) return undefined;
    // It works once, and a second use ends the session: whatever becomes of the answer, it is not sent again.
    kept.write(state, '');
    const answer = await ask('', 'POST', 'token', { refresh_token: refresh }).catch(() => undefined);
    const refused = answer && refusalOf(answer);
    if (refused && refused.statusCode === 503) {
      kept.write(state, refresh); // not spent: the gateway could not look
      throw refused;
    }
    return answer && !refused && answer.statusCode < 300 ? entered(answer) : undefined;
  }

  function entered(answer: Answer): Login {
    const refused = refusalOf(answer);
    if (refused) throw refused;
    const inHeaders = keepHeaders(answer);
    if (!keepBody(answer) && !inHeaders) throw unexpected(answer);
    return loginOf(answer.data);
  }

  return { adapter, api, kept, owns, address, carrying, send, tried, ask, call, login, renew, settled };
}

/** What an answer says of a login. */
export function loginOf(data: unknown): Login {
  const { uid, new_user: newUser, expires_in: expiresIn } = (parsed(data) || {}) as Fields;
  return { uid, newUser, expiresIn, data } as Login;
}
