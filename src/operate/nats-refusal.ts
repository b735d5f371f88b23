/** A refusal of nats-server, in its own words. */
export interface Refusal {
  text: string;
  operation?: 'publish' | 'subscription' | undefined;
  subject?: string | undefined;
}

/** The permissions of each role, as deploy/nats has them. */
const filesOfRoles: Readonly<Record<string, string>> = {
  relay: 'relay.conf',
  'follow-up': 'follow-up.conf',
  both: 'worker.conf',
  command: 'replay.conf',
};

/** The next step of the operator, in one sentence. */
export function adviceOn({ text, operation, subject }: Refusal, role: string): string {
  const file = `deploy/nats/${filesOfRoles[role] ?? 'accounts.conf'}`;
  if (subject !== undefined) {
    const granted = subject.startsWith('_INBOX') ? '_INBOX_vod-relay.>' : subject;
    const verb = operation === 'publish' ? 'publish' : 'subscribe';
    return `compare the permissions of the NATS user with ${file}, and let it ${verb} to "${granted}" if that file does`;
  }
  if (/authenti|authori/i.test(text))
    return 'check nats.auth against the users of nats-server: the user, its key, its expiry';
  if (/payload/i.test(text)) return 'raise max_payload of nats-server: 1 MB holds whatever MNS delivers';
  if (/maximum/i.test(text))
    return 'raise the limit that it names, for the account or the user in nats-server';
  return 'look for the connection of nats.name in the log of nats-server, then run `vod-relay doctor`';
}
