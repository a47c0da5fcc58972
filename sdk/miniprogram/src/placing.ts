import { header, withHeader } from './header';
import type { Header } from './platform';

/** Where a login state or a code stands in a request. */
export interface Place {
  name: string;
  in: 'header' | 'query' | 'cookie' | 'body';
}

interface Placed {
  url: string;
  header?: Header;
  data?: unknown;
}

/** The request with a value at a place. */
export function placed<T extends Placed>(request: T, place: Place, value: string): T {
  let { name } = place;
  if (place.in === 'query') {
    return { ...request, url: `${request.url}${/\?/.test(request.url) ? '&' : '?'}${name}=${encodeURIComponent(value)}` };
  }
  if (place.in === 'body') return { ...request, data: { ...(request.data as object), [name]: value } };
  if (place.in === 'cookie') {
    const others = header(request, 'cookie');
    value = `${others && `${others}; `}${name}=${value}`;
    name = 'cookie';
  }
  return { ...request, header: withHeader(request.header, name, value) };
}
