import { told, untold, type Callbacks } from './callbacks';
import { bound, changed, checked, connected, left, sent, shown } from './flows';
import { gatewayOf, type Fields, type Gateway, type Login } from './gateway';
import type { MenshenOptions } from './options';
import { phoneFields, type PhoneDetail } from './phone';
import type { Answer, ConnectOptions, RequestOptions, SocketTask, UploadOptions } from './platform';
import type { Profile, ProfileChange } from './profile';

/** More that a login can carry; see the user API. */
export interface LoginFields {
  /** A login code that the page has got itself. */
  code?: string;
  username?: string;
  password?: string;
  encryptedData?: string;
  iv?: string;
  rawData?: string;
  signature?: string;
  captcha?: string;
}

/**
 * A mini program's login at one gateway.
 *
 * Every method gives a promise. With one of `success`, `fail` and `complete`, in its options or in its last argument, it
 * tells these instead and gives nothing.
 */
export class Menshen {
  private readonly gateway: Gateway;

  constructor(options: MenshenOptions) {
    this.gateway = gatewayOf(options);
  }

  /** Log in. Without fields, one login that is under way is shared. */
  login(options: LoginFields & Callbacks<Login> = {}): Promise<Login> {
    return told(this.gateway.login(untold(options) as Fields), options);
  }

  /** `wx.request` with the login state. The gateway's refusals are errors, everything else is the answer. */
  request<T = unknown>(options: RequestOptions & Callbacks<Answer<T>>): Promise<Answer<T>> {
    return told(sent(this.gateway, 'request', options) as Promise<Answer<T>>, options);
  }

  /** `wx.uploadFile` with the login state. */
  upload(options: UploadOptions & Callbacks<Answer<string>>): Promise<Answer<string>> {
    return told(sent(this.gateway, 'upload', options) as Promise<Answer<string>>, options);
  }

  /** The options of any other API of the platform, such as `wx.downloadFile`, with the whole URL and the login state. */
  carry<T extends { url: string; header?: Record<string, string> }>(options: T): T {
    return this.gateway.carrying(options, this.gateway.kept.read().state);
  }

  /** `wx.connectSocket` with the login state. */
  connect(options: ConnectOptions & Callbacks<SocketTask>): Promise<SocketTask> {
    return told(connected(this.gateway, untold(options)), options);
  }

  /** Bind the phone number of a `getPhoneNumber` button's `e.detail`. */
  bindPhone(detail: PhoneDetail, callbacks?: Callbacks<Login>): Promise<Login> {
    return told(
      phoneFields(detail).then((fields) => bound(this.gateway, 'me/phone', fields)),
      callbacks,
    );
  }

  /** Log in with a code and the phone number in one. */
  loginByPhone(detail: PhoneDetail, callbacks?: Callbacks<Login>): Promise<Login> {
    return told(
      phoneFields(detail).then((fields) => this.gateway.login(fields, 'login/phone')),
      callbacks,
    );
  }

  /** Bind the user's account of the business. */
  bindAccount(
    account: { username: string; password: string; captcha?: string },
    callbacks?: Callbacks<Login>,
  ): Promise<Login> {
    return told(bound(this.gateway, 'me/bind', account), callbacks);
  }

  /** The user. */
  profile(callbacks?: Callbacks<Profile>): Promise<Profile> {
    return told(shown(this.gateway), callbacks);
  }

  /** Change the profile; a new avatar is uploaded first. Gives the profile after it. */
  updateProfile(change: ProfileChange, callbacks?: Callbacks<Profile>): Promise<Profile> {
    return told(changed(this.gateway, change), callbacks);
  }

  /** Whether the login state that is kept is good. Logs nobody in; fails where the gateway cannot say. */
  checkLogin(callbacks?: Callbacks<boolean>): Promise<boolean> {
    return told(checked(this.gateway), callbacks);
  }

  /** End the session, or with `all` every one of the user. On this phone it is over even where it fails. */
  logout(options: { all?: boolean } & Callbacks<void> = {}): Promise<void> {
    return told(left(this.gateway, !!options.all), options);
  }

  /** Any other call of the user API, with the login state: `call('GET', 'sessions')`. Gives the answer's JSON. */
  call<T = unknown>(method: string, path: string, data?: Fields, callbacks?: Callbacks<T>): Promise<T> {
    return told(this.gateway.call<T>(method, path, data), callbacks);
  }
}
