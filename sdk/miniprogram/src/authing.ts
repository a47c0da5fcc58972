import { Menshen, MenshenError, adapters, type Adapter, type MenshenOptions, type PhoneDetail, type Profile } from './index';

/**
 * Authing's authing-wxapp-sdk of 2020 (v2 and v3), on Menshen: pages keep their code, but for the path of `require` and the
 * address in the constructor. Names, signatures and answers are that SDK's (`authing/authing.js` of its repository).
 *
 * As there, login codes are the page's: it passes one with each call, and nothing here calls `wx.login` unless the page's
 * code is used up and the login state is over.
 */

interface Options extends Partial<Pick<MenshenOptions, 'app' | 'api' | 'session' | 'adapter' | 'storageKey' | 'timeout'>> {
  userPoolId?: string;
  /** The old name of `userPoolId`. */
  clientId?: string;
  /** The address of the gateway. That SDK had two servers; `oauth` is the one that is taken. */
  host: string | { oauth?: string; user?: string };
}

/** `e.detail` of a button, or what `wx.getUserInfo` gives. */
interface Detail extends PhoneDetail {
  rawData?: string;
  signature?: string;
  userInfo?: { nickName?: string; avatarUrl?: string; gender?: number; [more: string]: unknown };
}

/** What version 3 passes in one object. `phone` is a word of the client and proves nothing: it is not sent. */
interface Call {
  code: string;
  detail: Detail;
  phone?: string;
  overideProfile?: boolean;
}

/** A user with Authing's names; null is what Menshen does not have. Times are ISO 8601. */
interface User {
  _id: string;
  email: null;
  emailVerified: false;
  username: string | null;
  nickname: string;
  company: null;
  photo: string;
  /** Masked. */
  phone: string | null;
  browser: null;
  registerInClient: string;
  registerMethod: null;
  oauth: null;
  token: string;
  tokenExpiredAt: string | null;
  loginsCount: null;
  lastLogin: string;
  lastIP: null;
  signedUp: string;
  blocked: false;
  isDeleted: false;
}

interface Change {
  _id?: string;
  nickname?: string;
  /** A local file. */
  photo?: string;
  gender?: number;
  language?: string;
  city?: string;
  province?: string;
  country?: string;
}

const WELCOME = ['getUserInfo:ok', 'getUserProfile:ok'];
const BINDABLE = ['getPhoneNumber:ok'];

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

class Authing {
  readonly userPoolId: string;
  private readonly menshen: Menshen;
  private readonly platform: Adapter;
  private readonly key: string;
  /** The code of the call that is under way, until it is used. */
  private code = '';
  private expires: string | null = null;

  constructor(options: Options) {
    const { userPoolId, clientId, host, ...more } = options;
    this.userPoolId = userPoolId || clientId || '';
    if (!this.userPoolId) throw new Error('clientId/userPoolId is not provided');
    const baseUrl = typeof host === 'string' ? host : (host && (host.oauth || host.user)) || '';
    this.platform = more.adapter || adapters.present();
    this.key = more.storageKey || `_authing_token:${this.userPoolId}@${baseUrl}`;
    const code = async (): Promise<string> => {
      const given = this.code;
      this.code = '';
      return given || this.platform.code();
    };
    this.menshen = new Menshen({ ...more, baseUrl, storageKey: this.key, adapter: { ...this.platform, code } });
  }

  /** Log in with the page's code; fills in what WeChat says of the user. `(code, detail)`, or version 3's one object. */
  async loginWithWxapp(code: string | Call, detail?: Detail): Promise<User> {
    const call = called(code, detail);
    const { encryptedData, iv, rawData, signature, userInfo } = agreed(call.detail, WELCOME);
    const login = await this.menshen.login({
      ...(call.code && { code: call.code }),
      ...(encryptedData && iv ? { encryptedData, iv } : rawData && signature && { rawData, signature }),
    });
    this.expires = login.expiresIn ? iso(Date.now() / 1000 + login.expiresIn) : null;
    const said = userInfo || {};
    if (call.overideProfile && said.nickName) await this.menshen.updateProfile({ nickname: said.nickName });
    return this.told(await this.menshen.profile(), said.avatarUrl);
  }

  /** Bind the phone number of a `getPhoneNumber` button. Where the platform's key has changed, the code logs in first. */
  async bindPhone(code: string | Call, detail?: Detail): Promise<User> {
    const call = called(code, detail);
    if (!this.token()) throw '绑定手机号之前请先登录！';
    agreed(call.detail, BINDABLE);
    await this.with(call.code, () => this.menshen.bindPhone(call.detail));
    return this.told(await this.menshen.profile());
  }

  /** The phone number of a `getPhoneNumber` button: `{phoneNumber, purePhoneNumber, countryCode}`. Binds nothing. */
  async getPhone(code: string | Call, detail?: Detail): Promise<unknown> {
    const call = called(code, detail);
    const { code: phoneCode, encryptedData, iv } = agreed(call.detail, BINDABLE);
    const asked = phoneCode ? { phone_code: phoneCode } : { encryptedData, iv };
    return this.with(call.code, () => this.menshen.call('POST', 'me/phone/get', asked));
  }

  async checkLoginStatus(): Promise<{ code: number; status: boolean; message: string }> {
    if (!this.token()) return { code: 2020, status: false, message: '未登录' };
    return (await this.menshen.checkLogin())
      ? { code: 200, status: true, message: '已登录' }
      : { code: 2206, status: false, message: '登录信息已过期' };
  }

  /** The user who is logged in; the id, which that SDK wanted, is not needed. */
  async user(_options?: { id?: string }): Promise<User> {
    return this.told(await this.menshen.profile());
  }

  /** Change the profile. A `photo` must be a local file, which is uploaded: a gateway shows no picture of elsewhere. */
  async update({ _id, photo, ...change }: Change): Promise<User> {
    if (photo && /^https:/.test(photo)) {
      throw new MenshenError('photo_not_local', 'photo must be a local file. photo 应为本地文件。', 'none');
    }
    return this.told(await this.menshen.updateProfile({ ...change, ...(photo && { avatar: photo }) }));
  }

  /** Let the user choose a picture, and make it his avatar. */
  async changeAvatar(_userId?: string): Promise<User> {
    const { tempFilePaths } = await wx.chooseImage({ count: 1 });
    return this.update({ photo: tempFilePaths[0] as string });
  }

  async logout(_id?: string): Promise<{ _id: string | undefined; tokenExpiredAt: string }> {
    this.expires = null;
    await this.menshen.logout();
    return { _id, tokenExpiredAt: '0' };
  }

  /** What needs a login on its way gets it with the page's code, once. */
  private async with<T>(code: string, work: () => Promise<T>): Promise<T> {
    this.code = code;
    try {
      return await work();
    } finally {
      this.code = '';
    }
  }

  /** The login state, "" where nobody is logged in. Business requests carry it where the login plugin says. */
  private token(): string {
    return ((this.platform.get(this.key) || {}) as { state?: string }).state || '';
  }

  private told(profile: Profile, photo = ''): User {
    return {
      _id: profile.uid,
      email: null,
      emailVerified: false,
      username: profile.account || null,
      nickname: profile.nickname,
      company: null,
      photo: profile.avatar || photo,
      phone: profile.phone || null,
      browser: null,
      registerInClient: this.userPoolId,
      registerMethod: null,
      oauth: null,
      token: this.token(),
      tokenExpiredAt: this.expires,
      loginsCount: null,
      lastLogin: iso(profile.last_login_at),
      lastIP: null,
      signedUp: iso(profile.created_at),
      blocked: false,
      isDeleted: false,
    };
  }
}

/** Both signatures as one. */
function called(code: string | Call, detail: Detail | undefined): Call {
  return typeof code === 'object' && code !== null ? code : { code, detail: detail || {} };
}

/** The detail of a user who said yes. Throws what the platform said otherwise, a text, as that SDK does. */
function agreed(detail: Detail, words: string[]): Detail {
  if (words.indexOf(detail.errMsg || '') < 0) throw detail.errMsg;
  return detail;
}

export = Authing;
