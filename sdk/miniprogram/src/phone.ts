import { MenshenError } from './error';
import type { Fields } from './gateway';

/** `e.detail` of a button with `open-type="getPhoneNumber"`: `code` since 2.21.2, before it `encryptedData` and `iv`. */
export interface PhoneDetail {
  code?: string;
  encryptedData?: string;
  iv?: string;
  errMsg?: string;
  [more: string]: unknown;
}

/**
 * What the gateway is told of a phone number. `code` goes first: the old pair hangs on the session_key of the last login.
 *
 * Fails with `phone_denied` where the user said no: the event comes then too, with an `errMsg` only.
 */
export async function phoneFields({ code, encryptedData, iv, errMsg }: PhoneDetail): Promise<Fields> {
  if (code) return { phone_code: code };
  if (encryptedData && iv) return { encryptedData, iv };
  throw new MenshenError('phone_denied', `No phone number. 未授权手机号。 ${errMsg || ''}`, 'none');
}
