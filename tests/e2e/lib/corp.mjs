// SPDX-License-Identifier: Apache-2.0
// An issuer that is nothing but a key: for tests of the data plane that need tokens and no discovery.
import { jwks, makeKey, makeToken } from './tokens.mjs';

export const audience = 'https://api.example';

/** { files, issuers, key, token(claims, header) }: files and issuers for a policy that trusts it by jwks_file. */
export async function makeCorp({ name = 'corp', issuer = 'https://idp.example', algorithm = 'ES256' } = {}) {
  const key = await makeKey(algorithm);
  return {
    key,
    issuer,
    files: { [`${name}.json`]: JSON.stringify(jwks(key)) },
    issuers: { [name]: { issuer, jwks_file: `${name}.json`, algorithms: [algorithm], audience } },
    token: (claims = {}, header = {}) => makeToken(key, { iss: issuer, aud: audience, ...claims }, header),
  };
}
