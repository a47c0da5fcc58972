import type { Answer, Header } from './platform';

/** Names of headers that are this one, in any case. */
function spellings(headers: object, name: string): string[] {
  return Object.keys(headers).filter((each) => each.toLowerCase() === name.toLowerCase());
}

/** A response header in any case, "" where there is none. Some platforms give a list of values. */
export function header({ header: headers = {} }: Pick<Answer, 'header'>, name: string): string {
  return spellings(headers, name)
    .map((each) => headers[each])
    .join(',');
}

/**
 * A cookie that an answer sets, "" where it sets none.
 *
 * WeChat gives a list, `cookies`; elsewhere several Set-Cookie headers are a list, or one text joined by commas. A comma
 * stands in `Expires` too, so a cookie begins where a name follows it.
 */
function cookie(answer: Answer, name: string): string {
  const lines = [...(answer.cookies || []), header(answer, 'set-cookie')].join(',');
  const found = new RegExp(`(?:^|,)\\s*${name}=([^;,]*)`).exec(lines);
  return found ? (found[1] as string) : '';
}

/** What an answer carries under a name, in a header or a cookie; "" for nothing. */
export function carriedBy(answer: Answer, name: string): string {
  return header(answer, name) || cookie(answer, name);
}

/** Headers with one more, which takes the place of the same name in any case: two credentials would be refused. */
export function withHeader(headers: Header = {}, name: string, value: string): Header {
  const kept = { ...headers };
  for (const each of spellings(kept, name)) delete kept[each];
  return { ...kept, [name]: value };
}
