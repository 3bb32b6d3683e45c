// SPDX-License-Identifier: Apache-2.0
// What Sallyport's own tools are told when they look at a lab: a policy that asks for everything that its healthy tokens have, a doctor that knows
// the client and the API.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { sallyport } from './cli.mjs';
import { defer } from './cleanup.mjs';
import { doctor } from './doctor.mjs';
import { request } from './http.mjs';
import { redirectUri } from './lab.mjs';

/** Writes the policy for a lab into `folder` → its path. */
export async function writePolicy(lab, folder) {
  const config = path.join(folder, 'lab.yaml');
  const upstream = { url: lab.api };
  fs.writeFileSync(path.join(folder, 'other.json'), (await request(lab.other_jwks_uri)).text);
  fs.writeFileSync(config, JSON.stringify({
    issuers: {
      lab: { issuer: lab.issuer, algorithms: ['RS256', 'ES256'], max_lifetime: '1d', client_ids: [lab.client_id] },
      other: { issuer: lab.other_issuer, environment: 'staging', jwks_file: path.join(folder, 'other.json') },
    },
    apis: {
      photos: {
        match: { path: '/photos' }, upstream,
        auth: {
          issuers: ['lab'], audience: [lab.audience], scopes: ['read'], claims: { tenant: 'lab', groups: ['staff'] }, acr: ['urn:lab:2'], max_age: '1d',
          verified_email: true,
        },
      },
      other: { match: { path: '/other' }, upstream, auth: { issuers: ['other'], audience: ['https://other-api.lab.example'] } },
    },
  }));
  return config;
}

/** `token examine` of a token under that policy, or as `words` say. */
export const examine = (config, token, ...words) =>
  sallyport(['token', 'examine', token, '--json', ...(words.length > 0 ? words : ['-c', config, '--api', 'photos'])]);

/** Another machine whose clock is right → its URL. */
export async function startReference() {
  const server = http.createServer((incoming, outgoing) => outgoing.end());
  await new Promise((resolve) => server.listen(0, '127.0.0.2', resolve));
  defer(() => server.close());
  return `http://127.0.0.2:${server.address().port}/`;
}

/** The doctor's visit to a lab. */
export const visit = (lab, reference) => doctor(lab.issuer, '--ca', lab.ca_file, '--client-id', lab.client_id, '--client-secret', lab.client_secret,
  '--audience', lab.audience, '--scope', 'read', '--redirect-uri', redirectUri, '--api', lab.api, '--timeout', '1', '--reference', reference);
