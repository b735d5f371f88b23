import { generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';

/** PEM texts. */
export interface Certificate {
  cert: string;
  key: string;
}

/** A certificate authority of the test's own. */
export interface Authority {
  cert: string;
  /** For a server or client at this address, 127.0.0.1 by default. */
  issue(commonName: string, address?: readonly [number, number, number, number]): Certificate;
}

/**
 * Made without a tool: openssl is not on every machine that runs the tests. X.509 as in RFC 5280, P-256 keys.
 */
export function createAuthority(commonName: string): Authority {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = extension('551d13', sequence(hex('0101ff')), true);
  return {
    cert: certificate(commonName, commonName, own.publicKey, own.privateKey, [isAuthority]),
    issue(subject, address = [127, 0, 0, 1]) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const addresses = extension('551d11', sequence(der(0x87, Buffer.from(address))), false);
      return {
        cert: certificate(subject, commonName, publicKey, own.privateKey, [addresses]),
        key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

function certificate(
  subject: string,
  issuer: string,
  publicKey: KeyObject,
  issuerKey: KeyObject,
  extensions: readonly Buffer[],
): string {
  const ecdsaWithSha256 = sequence(der(0x06, hex('2a8648ce3d040302')));
  const serial = Buffer.concat([hex('01'), randomBytes(15)]);
  const toSign = sequence(
    der(0xa0, der(0x02, hex('02'))),
    der(0x02, serial),
    ecdsaWithSha256,
    nameOf(issuer),
    sequence(der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('491231235959Z'))),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.concat([hex('00'), sign('sha256', toSign, issuerKey)]));
  return new X509Certificate(sequence(toSign, ecdsaWithSha256, signature)).toString();
}

function nameOf(commonName: string): Buffer {
  return sequence(der(0x31, sequence(der(0x06, hex('550403')), der(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  return sequence(der(0x06, hex(id)), ...(isCritical ? [hex('0101ff')] : []), der(0x04, value));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

/** Tag, length, content: X.690 with the length in as few bytes as it takes. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), content]);
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}
