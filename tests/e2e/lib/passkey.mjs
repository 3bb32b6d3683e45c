// SPDX-License-Identifier: Apache-2.0
// A passkey in software (Node's own crypto), that can also lie: about origin, name, challenge, flags, counter, key and signature.
import crypto from 'node:crypto';

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest();
const bytesOf = (...parts) => Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))));
const text = (value) => value.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');

/** The page's <form id="passkey">: { action, data, values }. */
export function passkeyForm(page) {
  const form = page.text.match(/<form method="post" action="([^"]*)" id="passkey"([^>]*)>(.*?)<\/form>/s);
  if (!form) throw new Error(`there is no passkey form on ${page.url}: ${page.text.replace(/<style>.*<\/style>/s, '')}`);
  const data = Object.fromEntries([...form[2].matchAll(/ data-([a-z-]+)="([^"]*)"/g)].map(([, name, value]) => [name, text(value)]));
  const values = Object.fromEntries([...form[3].matchAll(/<input[^>]*>/g)].map(([tag]) => [tag.match(/ name="([^"]*)"/)[1], text((tag.match(/ value="([^"]*)"/) ?? [])[1] ?? '')]));
  return { action: text(form[1]), data, values };
}

export const send = (browser, { action, values }, more) => browser.open(action, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ ...values, ...more }).toString() });

export function startAuthenticator(origin) {
  const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const id = crypto.randomBytes(16);
  const self = { id: id.toString('base64url'), count: 0, handle: undefined };
  const clientData = (type, challenge, lies) => Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...lies.client }));
  const head = (rp, flags, count) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(count);
    return bytesOf(sha256(rp), flags, counter);
  };
  /** The fields that registering sends; lies: { client: {…}, rp, flags, algorithm }. */
  self.register = (data, lies = {}) => {
    self.handle = data.user;
    const key = bytesOf([0xa5, 1, 2, 3], lies.algorithm ?? [0x26], [0x20, 1, 0x21, 0x58, 32], Buffer.from(x, 'base64url'), [0x22, 0x58, 32], Buffer.from(y, 'base64url'));
    const authenticatorData = bytesOf(head(lies.rp ?? data.rp, lies.flags ?? 0x45, self.count), Buffer.alloc(16), [0, id.length], id, key);
    const attestation = bytesOf([0xa3, 0x63], 'fmt', [0x64], 'none', [0x67], 'attStmt', [0xa0, 0x68], 'authData', [0x58, authenticatorData.length], authenticatorData);
    return { credential: self.id, client_data: clientData('webauthn.create', data.challenge, lies).toString('base64url'), attestation: attestation.toString('base64url') };
  };
  /** The fields that using it sends; lies: { client, rp, flags, count, signature, handle }. */
  self.use = (data, lies = {}) => {
    const client = clientData('webauthn.get', data.challenge, lies);
    const authenticatorData = head(lies.rp ?? data.rp, lies.flags ?? 0x05, lies.count ?? (self.count > 0 ? ++self.count : 0));
    const signature = lies.signature ?? crypto.sign('sha256', bytesOf(authenticatorData, sha256(client)), privateKey);
    return { credential: self.id, client_data: client.toString('base64url'), authenticator_data: authenticatorData.toString('base64url'), signature: signature.toString('base64url'), user_handle: lies.handle ?? self.handle };
  };
  return self;
}
