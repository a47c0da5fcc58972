/** WeChat's way of being told: success or fail, then complete. */
export interface Callbacks<T> {
  success?: (result: T) => void;
  fail?: (error: Error) => void;
  complete?: (result: T | Error) => void;
}

/** The promise, or nothing where there are callbacks, which are told instead. */
export function told<T>(promise: Promise<T>, { success, fail, complete }: Callbacks<T> = {}): Promise<T> {
  if (!success && !fail && !complete) return promise;
  // An exception in a callback is the page's: it is left unhandled, so that the console shows it.
  promise.then(
    (result) => {
      if (success) success(result);
      if (complete) complete(result);
    },
    (error: Error) => {
      if (fail) fail(error);
      if (complete) complete(error);
    },
  );
  return undefined as unknown as Promise<T>;
}

/** Options without their callbacks. */
export function untold<T>({ success, fail, complete, ...options }: T & Callbacks<never>): T {
  return options as unknown as T;
}
