import type { Adapter } from './platform';

/** Logging in by a business API, as the login plugin's `code` and `session` say. */
export interface BusinessLogin {
  url: string;
  method?: string;
  code: { in: 'header' | 'query' | 'body'; name: string };
  /** Where the login state stands in the answer's JSON, with dots (`data.token`); the session's name by default. */
  state?: string;
  /** Sent along. */
  data?: Record<string, unknown>;
  header?: Record<string, string>;
}

export interface MenshenOptions {
  /** Scheme and host of the gateway; relative URLs go there. */
  baseUrl: string;
  /** Name of the app in the gateway's document; may be left out where there is one only. */
  app?: string;
  /** `listener.client_api` of the gateway, `/v1` by default; `""` where it is switched off. */
  api?: string;
  /** The login plugin's `session.name` and `session.request_in`; `user_session` in a header by default. */
  session?: { name?: string; in?: 'header' | 'query' | 'cookie'; refresh?: string };
  login?: BusinessLogin;
  adapter?: Adapter;
  storageKey?: string;
  /** Milliseconds for each request; the platform's own by default. */
  timeout?: number;
}
