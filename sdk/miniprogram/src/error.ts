import { header } from './header';
import type { Answer } from './platform';

/** What the client should do about an error: log in, try again after a moment, or nothing. */
export type Action = 'login' | 'retry' | 'none';

/** Every error of the SDK. `code` and `statusCode` are 0 where the gateway did not answer. */
export class MenshenError extends Error {
  constructor(
    readonly reason: string,
    message: string,
    readonly action: Action,
    readonly statusCode = 0,
    readonly code = 0,
    readonly requestId = '',
    /** Seconds to wait before the next try, where the gateway says so (429, 503); else 0. */
    readonly retryAfter = 0,
  ) {
    super(message);
    this.name = 'MenshenError';
  }
}

/** The JSON of a body that the platform left as text or bytes, as `dataType: 'text'` and uploads do; else the body. */
export function parsed(data: unknown): unknown {
  try {
    const { byteLength } = data as ArrayBuffer;
    // No mini program has TextDecoder everywhere: the bytes as characters, and these read as UTF-8.
    const text = byteLength ? decodeURIComponent(escape(String.fromCharCode(...new Uint8Array(data as ArrayBuffer)))) : data;
    return typeof text === 'string' ? JSON.parse(text) : data;
  } catch (_) {
    return data;
  }
}

/**
 * The gateway's refusal in an answer, or undefined: a backend's own 401 is none.
 *
 * It needs both the header `x-menshen-code` and the body. Where a platform tells no headers at all (uploads), status and
 * body must do.
 */
export function refusalOf(answer: Answer): MenshenError | undefined {
  // Before the body is looked at, which may be a whole picture.
  if (answer.header ? !header(answer, 'x-menshen-code') : answer.statusCode < 400) return undefined;
  const { code, reason, message, action, request_id: id } = (parsed(answer.data) || {}) as Record<string, unknown>;
  if (!code || !reason || !/^(login|retry|none)$/.test(action as string)) return undefined;
  const wait = Number(header(answer, 'retry-after')) || 0;
  return new MenshenError(
    reason as string,
    message as string,
    action as Action,
    answer.statusCode,
    code as number,
    id as string,
    wait,
  );
}

/** Nobody answered: no network, a timeout, a domain that is not in the app's list. Throws it. */
export function unanswered(told: unknown): never {
  throw failed('network', 'No answer. 没有应答。', told);
}

/** The platform gave no login code. Throws it. */
export function codeless(told?: unknown): never {
  throw failed('platform_login', 'No login code. 无登录 code。', told);
}

/** What a platform gave to `fail`; its words are the end of the message. */
function failed(reason: string, message: string, told: unknown): MenshenError {
  const { errMsg, errorMessage, message: thrown } = (told || {}) as Record<string, unknown>;
  return new MenshenError(reason, `${message} ${errMsg || errorMessage || thrown || ''}`, 'retry');
}

/** An answer that is neither what was asked for nor the gateway's refusal: another server stands at this address. */
export function unexpected(answer: Answer): MenshenError {
  return new MenshenError('unexpected_answer', 'Not the gateway. 非网关应答。', 'none', answer.statusCode);
}
