/** The parsed URL when it has one of these schemes, a host, and nothing after the port; else undefined. */
export function parseOrigin(text: unknown, schemes: readonly string[]): URL | undefined {
  if (typeof text !== 'string' || /\s/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isBare = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  const isRoot = url.pathname === '' || url.pathname === '/';
  return schemes.includes(url.protocol.slice(0, -1)) && url.hostname !== '' && isBare && isRoot
    ? url
    : undefined;
}

/** Whether traffic to this URL stays on this machine, so that it may go unencrypted. */
export function isLoopback(url: string): boolean {
  const host = new URL(url).hostname.toLowerCase();
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The scheme of a URL that was checked before: `tls`, `nats`, `http`, `https`. */
export function schemeOf(url: string): string {
  return new URL(url).protocol.slice(0, -1);
}
