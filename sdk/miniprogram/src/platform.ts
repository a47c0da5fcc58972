/** What the SDK asks of a platform: one shape for all of them. An adapter makes it of the platform's own object. */

/** Names and values of HTTP headers, in whatever case. */
export type Header = Record<string, string>;

/** The answer of a server, as `wx.request` gives it. `header` is left out where the platform does not tell it. */
export interface Answer<T = unknown> {
  data: T;
  statusCode: number;
  header?: Record<string, unknown>;
  cookies?: string[];
  errMsg?: string;
}

/** What `wx.request` and its likes return at once. */
export interface Task {
  abort?(): void;
}

interface Sent {
  url: string;
  header?: Header;
  /** In milliseconds. */
  timeout?: number;
  /** Called with the platform's task as soon as a request is sent, and again where it is sent once more. */
  onTask?: (task: Task) => void;
  /** Whatever else the platform knows: `dataType`, `responseType`, `enableHttp2` … */
  [more: string]: unknown;
}

export interface RequestOptions extends Sent {
  method?: string;
  data?: unknown;
}

export interface UploadOptions extends Sent {
  filePath: string;
  /** The name of the form's field. */
  name: string;
  formData?: Record<string, unknown>;
}

export interface ConnectOptions extends Sent {
  protocols?: string[];
}

/** A WebSocket, as `wx.connectSocket` returns it. */
export interface SocketTask {
  send(options: { data: string | ArrayBuffer; [more: string]: unknown }): void;
  close(options?: { code?: number; reason?: string; [more: string]: unknown }): void;
  onOpen(listener: (result: unknown) => void): void;
  onMessage(listener: (result: { data: string | ArrayBuffer }) => void): void;
  onError(listener: (result: { errMsg?: string }) => void): void;
  onClose(listener: (result: { code?: number; reason?: string }) => void): void;
}

/** One platform. Promises are rejected with what the platform gave to `fail`: nobody answered then. */
export interface Adapter {
  /** A fresh login code. */
  code(): Promise<string>;
  request(options: RequestOptions): Promise<Answer>;
  upload(options: UploadOptions): Promise<Answer>;
  connect(options: ConnectOptions): SocketTask | Promise<SocketTask>;
  get(key: string): unknown;
  set(key: string, value: unknown): void;
}
