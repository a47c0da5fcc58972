import type { Adapter, Answer, SocketTask, Task } from '../platform';

/** A platform's global object, as far as it is used here; every platform took over WeChat's names and callbacks. */
export interface Api {
  // Each platform has types of its own for the same names; what is taken from results is looked at where it is taken.
  [name: string]: any;
}

interface Asked {
  onTask?: (task: Task) => void;
  [more: string]: unknown;
}

/** An API with callbacks, as a promise. The task it returns goes to `onTask`. */
export function asked<T>(api: Api, name: string, { onTask, complete: _, ...options }: Asked): Promise<T> {
  return new Promise((success, fail) => {
    const task = api[name]({ ...options, success, fail });
    if (!task) return;
    if (task.catch) task.catch(() => undefined); // Taro gives a promise beside the callbacks: nobody waits for it
    if (onTask) onTask(task as Task);
  });
}

/**
 * An HTTP API, as a promise of an answer with WeChat's names.
 *
 * Alipay calls them `headers` and `status`, and calls `fail` for every status of 400 and more. Whatever has an HTTP status
 * is an answer, wherever it comes.
 */
export function answered(api: Api, name: string, options: Asked): Promise<Answer> {
  const named = (told: Api): Answer => ({
    ...(told as Answer),
    statusCode: told['statusCode'] || told['status'],
    header: told['header'] || told['headers'],
  });
  return asked<Api>(api, name, options).then(named, (told: Api) => {
    const answer = named(told);
    if (answer.statusCode) return answer;
    throw told;
  });
}

/**
 * The adapter of a platform that is WeChat's like; `differences` replace what is not. A code comes from `login`, which may
 * be a function of another object (`by`) than all else.
 */
export function likeWx(api: Api, differences: Partial<Adapter> = {}, login = 'login', by = api): Adapter {
  return {
    code: () => asked<{ code: string }>(by, login, {}).then(({ code }) => code),
    request: (options) => answered(api, 'request', options),
    upload: (options) => answered(api, 'uploadFile', options),
    connect: (options) => api['connectSocket'](options) as SocketTask,
    get: (key) => api['getStorageSync'](key),
    set: (key, value) => api['setStorageSync'](key, value),
    ...differences,
  };
}
