import type { Adapter } from './platform';

/** What is kept between two starts of the mini program: the login state and, where there is one, a refresh token. */
export interface Kept {
  state: string;
  refresh: string;
}

/** The login state of one app at one gateway, in the platform's storage. */
export interface Keeping {
  read(): Kept;
  write(state: string, refresh: string): void;
}

/**
 * It is read anew each time: two objects with the same key are one login, and `wx.clearStorage` logs out. Where the storage
 * fails (full, or forbidden), the login lasts as long as the mini program runs.
 */
export function keeping(adapter: Adapter, key: string): Keeping {
  let memory: unknown;

  function read(): Kept {
    let found = memory;
    try {
      found = found || adapter.get(key);
    } catch (_) {
      // Nothing that can be read is nothing that is kept.
    }
    return { state: '', refresh: '', ...(found as Partial<Kept>) };
  }

  function write(state: string, refresh: string): void {
    memory = { state, refresh };
    try {
      adapter.set(key, memory);
      memory = undefined;
    } catch (_) {
      // Kept in memory then.
    }
  }

  return { read, write };
}
