// SPDX-License-Identifier: Apache-2.0
// An authenticator app that nobody of the project wrote: RFC 6238 by Node's own HMAC.
import crypto from 'node:crypto';
import { until } from './wait.mjs';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function decode(text) {
  const bits = [...text.replace(/[\s=]/g, '').toUpperCase()].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

export function codeOf(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = crypto.createHmac('sha1', decode(secret)).update(counter).digest();
  return ((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1_000_000).toString().padStart(6, '0');
}

/** An app with this key: next() is a code that is valid now and whose half minute was not used yet – three without waiting. */
export function startApp(secret) {
  let used = 0;
  return {
    secret,
    async next() {
      const seconds = () => Date.now() / 1000;
      // The one before is still good, but not for long when its time is nearly over.
      const first = () => Math.floor(seconds() / 30) - (seconds() % 30 < 22 ? 1 : 0);
      await until(() => used < Math.floor(seconds() / 30) + 1, 'a code that was not used yet', 35_000);
      used = Math.max(first(), used + 1);
      return codeOf(secret, used);
    },
    /** The code of the half minute that next() gave out last. */
    last: () => codeOf(secret, used),
    /** A code that is none of those that are valid around now. */
    wrong() {
      const now = Math.floor(Date.now() / 30_000);
      const valid = [-3, -2, -1, 0, 1, 2, 3].map((offset) => codeOf(secret, now + offset));
      return ['000000', '111111', '222222', '333333', '444444', '555555', '666666', '777777'].find((code) => !valid.includes(code));
    },
  };
}
