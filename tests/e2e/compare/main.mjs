// SPDX-License-Identifier: Apache-2.0
// Commits each fault of the lab in turn and asks everybody whom it concerns what is wrong. tools/compare-diagnosis is the door.
import { fork, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cleanUp, defer } from '../lib/cleanup.mjs';
import { root, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { startLab } from '../lib/lab.mjs';
import { startReference, writePolicy } from '../lib/lab_ask.mjs';
import { page, told } from './page.mjs';
import { peers, questionsFor } from './questions.mjs';
import { judge } from './rules.mjs';
import { askSallyport } from './sallyport.mjs';
import { askApache, askHaproxy, missing } from './servers.mjs';

const { values: options } = parseArgs({
  options: {
    fault: { type: 'string', multiple: true, default: [] }, peer: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' }, output: { type: 'string' }, list: { type: 'boolean', default: false },
  },
});
const partial = options.fault.length > 0 || options.peer.length > 0 || options.json !== undefined;
const output = options.output ?? (partial ? undefined : path.join(root, 'docs/diagnosis.md'));
const folder = temporaryFolder();

/** A lab with everything that is needed to ask about it. */
async function world(tls) {
  const lab = await startLab({ args: tls ? ['--tls'] : [] });
  const keys = (await request(`${lab.issuer}/jwks`, { ca: lab.ca })).json.keys;
  const key = keys.find(({ kid }) => kid === JSON.parse(Buffer.from(lab.token.split('.')[0], 'base64url')).kid);
  const own = fs.mkdtempSync(path.join(folder, 'lab-'));
  fs.chmodSync(own, 0o755);
  const config = tls ? undefined : await writePolicy(lab, own);
  const child = fork(fileURLToPath(new URL('libraries.mjs', import.meta.url)), { env: { ...process.env, NODE_EXTRA_CA_CERTS: lab.ca_file, NODE_NO_WARNINGS: '1' } });
  defer(() => child.disconnect());
  const askLibrary = (peer) => new Promise((resolve, reject) => {
    child.once('exit', reject);
    child.once('message', (answer) => {
      child.off('exit', reject);
      resolve(answer);
    });
    child.send({ peer, lab: Object.fromEntries(Object.entries(lab).filter(([, value]) => typeof value === 'string')) });
  });
  return Object.assign(lab, { key, tls, askLibrary, unable: {}, own: { config, folder: own, reference } });
}

async function askPeer(peer, lab) {
  try {
    if (peer === 'mod_oauth2') return await askApache(lab, lab.own.folder);
    if (peer === 'HAProxy') return await askHaproxy(lab, lab.own.folder);
    return await lab.askLibrary(peer);
  } catch (error) {
    return { said: [error.message] };
  }
}

/** Who does not get along with the healthy lab cannot be asked about a faulty one. */
async function probe(lab) {
  for (const peer of wanted) {
    if (peer === 'HAProxy' && lab.tls) continue;
    const why = missing[peer]?.();
    const answer = why ? { missing: why } : await askPeer(peer, lab);
    if (answer.missing) lab.unable[peer] = answer.missing;
    else if (!answer.accepted) lab.unable[peer] = `it refuses the healthy lab${lab.tls ? ' over TLS' : ''}: ${told(answer.said)}`;
    if (lab.unable[peer]) console.error(`${peer} is not asked: ${lab.unable[peer]}`);
  }
}

/** The values that a rule may ask for. */
function factsOf(id, lab, peer) {
  const claims = decode(lab.token) ?? {};
  const text = (value) => (typeof value === 'string' ? value : undefined);
  const ADDRESS = '127.0.0.1:'; // whatever the port
  if (id.startsWith('audience.')) return { EXPECTED: peer === 'openid-client' ? lab.client_id : lab.audience, RECEIVED: text(claims.aud), ADDRESS };
  if (id === 'discovery.issuer_mismatch') return { EXPECTED: lab.issuer, RECEIVED: `${lab.issuer}/`, ADDRESS };
  return { EXPECTED: lab.issuer, RECEIVED: text(claims.iss), ADDRESS };
}

function decode(token) {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
  } catch {
    return undefined;
  }
}

async function ask(question) {
  const { id } = question;
  const lab = question.tls ? secure : plain;
  const judged = (answer, facts) => ({ verdict: judge(id, answer, facts), text: told(answer.said ?? []), ...(answer.cause === undefined ? {} : answer) });
  const answers = {};
  for (const peer of question.peers.filter((name) => wanted.includes(name))) {
    if (lab.unable[peer]) answers[peer] = { skipped: missing[peer]?.() ? 'not installed' : 'it refuses the healthy lab' };
    else {
      /* A fresh fault each time: its tokens are not older for the last peer than for the first. */
      await lab.set(id);
      answers[peer] = judged(await askPeer(peer, lab), factsOf(id, lab, peer));
    }
  }
  await lab.set(id);
  answers.Sallyport = judged(await askSallyport(id, lab, lab.own), factsOf(id, lab));
  delete answers.Sallyport.said;
  question.answers = answers;
}

function versionsOf() {
  const first = (command, args) => (spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '').split('\n')[0].trim() || 'not installed';
  const lock = JSON.parse(fs.readFileSync(path.join(root, 'tests/e2e/package-lock.json'), 'utf8')).packages;
  const npm = ['jsonwebtoken', 'jwks-rsa', 'jose', 'openid-client'].map((name) => `${name} ${lock[`node_modules/${name}`].version}`);
  const debian = (name) => spawnSync('dpkg-query', ['-W', '-f', '${Version}', name], { encoding: 'utf8' }).stdout || 'not installed';
  return [
    `mod_oauth2 ${debian('libapache2-mod-oauth2')} (liboauth2 ${debian('liboauth2-0')}) in Apache ${debian('apache2')}`,
    first('haproxy', ['-v']).replace(/ - .*/, ''),
    npm.join(', '),
  ];
}

const { json: list } = await sallyport(['lab', 'list', '--json']);
const all = questionsFor(list);
const wanted = peers.filter((name) => options.peer.length === 0 || options.peer.includes(name));
const unknown = [...options.fault.filter((id) => !all.some((one) => one.id === id)), ...options.peer.filter((name) => !peers.includes(name))];
if (unknown.length > 0) {
  console.error(`compare-diagnosis: nobody can be asked about ${unknown.join(', ')}; --list says which faults there are, peers are ${peers.join(', ')}`);
  process.exit(2);
}
if (options.list) {
  console.log(all.map(({ id, peers: readers }) => `${id}: ${readers.join(', ')}`).join('\n'));
  process.exit(0);
}
const questions = all.filter(({ id }) => options.fault.length === 0 || options.fault.includes(id));
const reference = await startReference();
let plain;
let secure;
if (questions.some(({ tls }) => !tls)) await probe((plain = await world(false)));
if (questions.some(({ tls }) => tls)) await probe((secure = await world(true)));

async function askAll(some) {
  for (const question of some) {
    await ask(question);
    console.error(`${question.id}: ${Object.entries(question.answers).map(([name, { verdict, skipped }]) => `${name} ${verdict ?? skipped}`).join(', ')}`);
  }
}

/* The two labs know nothing of each other. */
await Promise.all([askAll(questions.filter(({ tls }) => !tls)), askAll(questions.filter(({ tls }) => tls))]);
const notes = [plain, secure].filter(Boolean).flatMap(({ unable, tls }) => Object.entries(unable).map(([name, why]) => `${name}${tls ? ' (TLS faults)' : ''}: ${why}`));
const report = { rows: questions, versions: versionsOf(), notes };
if (options.json) fs.writeFileSync(options.json === '-' ? 1 : options.json, `${JSON.stringify(report, null, 1)}\n`);
if (output) fs.writeFileSync(output, page(report));
await cleanUp();
process.exit(0);
