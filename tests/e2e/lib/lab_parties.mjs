// SPDX-License-Identifier: Apache-2.0
// One test for each fault of the lab that concerns a relying party: it walks into the fault, directly and with `record` between it and the issuer; how it
// ends is what its table says, and what was recorded is explained by the fault's id – or by another tool's look at the lab, where no recording can know.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { sallyport } from './cli.mjs';
import { temporaryFolder } from './gateway.mjs';
import { request } from './http.mjs';
import { startLab } from './lab.mjs';
import { startReference, visit } from './lab_ask.mjs';
import { startRecorder } from './recorder.mjs';
import { until } from './wait.mjs';

export const words = (text) => text.trim().split(/\s+/).filter(Boolean);

const { json: list } = await sallyport(['lab', 'list', '--json']);

/** Which way leads to a fault. */
function wayTo({ id, part }) {
  if (/^refresh\.(?!not_issued)/.test(id)) return 'refresh';
  if (id.startsWith('logout.')) return 'logout';
  if (id === 'response.token_type_unexpected') return 'dpop';
  return part === 'device' || id === 'response.member_missing' ? 'device' : 'plain';
}

/** They show beside what was before: a login in a healthy world comes first. */
const shownOverTime = words('keys.rotated keys.retired_early keys.replaced keys.stale_in_use');

/* What `inspect` cannot know from what passes between a relying party and its issuer. */
const byDoctor = {
  'keys.unreachable': 'nobody is at the URL, so that nothing passes the recorder',
  'network.dns.not_found': 'the same', 'network.tcp.timeout': 'the same',
  'discovery.issuer_mismatch': 'an issuer with a slash at its end has the same metadata URL as one without; which was meant only the client knows',
  'discovery.path_form': 'the client asked at one place only',
  'discovery.foreign_endpoint': 'whether a name is known elsewhere',
  'network.tls.missing_intermediate': 'libcurl does not tell it from an unknown CA', 'network.proxy.intercepts': 'the same',
  'network.tls.expiring': 'nothing fails',
  'network.tls.plaintext_port': 'libcurl often sees the connection reset before it sees what was answered',
  'clock.issuer_wrong': 'whose clock is wrong needs a witness',
};
/* What the recording proves instead. */
const recordedAs = {
  'signature.other_issuer_key': 'signature.invalid', 'keys.other_issuer': 'keys.unknown_kid', 'issuer.other_environment': 'issuer.path', // that other issuer is not in it
  'algorithm.not_allowed': 'discovery.algorithm_unadvertised', // what the client allows is not in it; that it is advertised nowhere is
  'pkce.required': 'callback.error', // there was PKCE
};
/* Nothing that passes is wrong: an application may ask for it, and only it knows. */
const nobodys = words('claim.email_unverified keys.stale_in_use');
/* Not a relying party's: it needs a client that asks under another name. */
const elsewhere = words('discovery.host_reflected');
/* Named with the key set at hand (--jwks): who refuses earlier never fetched it. */
const withKeys = words('algorithm.symmetric algorithm.key_confusion');

const named = (report) => new Set([...JSON.stringify(report).matchAll(/"(?:id|reason)":"([a-z_.0-9]+)"/g)].map((match) => match[1]));

async function startWorld(tls, folder, startParty) {
  const lab = await startLab({ args: tls ? ['--tls'] : [] });
  const recorder = await startRecorder(lab.issuer, folder, ...(tls ? ['--ca', lab.ca_file] : []));
  return { lab, recorder, party: await startParty(lab, recorder, folder) };
}

/** In the world of the fault; what it keeps of a healthy one is there only where the fault is one of time, and a good one survives it. */
async function walkInto({ lab, party }, row, options) {
  const early = shownOverTime.includes(row.id);
  party.forget();
  await lab.set('healthy');
  if (early) assert.equal((await party.go('plain', options)).passed, true);
  if (row.must !== 'survive') party.forget();
  await lab.set(row.id);
  return party.go(wayTo(row), { ...options, kept: early && row.must === 'survive' });
}

/** A recording of the walk, judged; the recorder writes an exchange when it is over. */
async function inspected(world, row, recorded, from, folder) {
  const { lab, recorder } = world;
  await until(() => recorder.entries().length > from, 'an exchange in the recording', 10_000);
  const registered = recorder.entries().slice(from).flatMap(({ response }) => response.headers).find(({ name }) => name === 'Sallyport-Lab-Registered')?.value;
  const options = registered ? ['--redirect-uri', registered] : [];
  if (withKeys.includes(row.id)) {
    const file = `${folder}/keys.json`;
    fs.writeFileSync(file, (await request(`${lab.issuer}/jwks`, { ca: lab.ca })).text);
    options.push('--jwks', file);
  }
  return recorder.inspect(from, ...options);
}

/**
 * testParty(startParty, { refuses, passes, skips: { ID: why }, recordedAs: { ID: ID } }): `refuses` and `passes` are all the faults that concern it, each by
 * how it ends today; startParty(lab, recorder, folder) → a party of parties.mjs.
 */
export async function testParty(startParty, table) {
  const { refuses, passes, skips = {} } = table;
  const folder = temporaryFolder();
  fs.chmodSync(folder, 0o755); // Apache's workers are somebody else
  const worlds = { false: await startWorld(false, folder, startParty), true: await startWorld(true, folder, startParty) };
  const reference = await startReference();
  const concerned = list.filter(({ id, who, part }) => who !== 'api' && part !== 'api' && part !== 'introspection' && !elsewhere.includes(id));

  test('its table has every fault that concerns it, once', () => {
    assert.deepEqual([...refuses, ...passes, ...Object.keys(skips)].sort(), concerned.map(({ id }) => id).sort());
  });

  for (const tls of [false, true])
    test(`a healthy lab${tls ? ' over TLS' : ''}: it signs in, refreshes and signs out, and nothing that was recorded is wrong`, async () => {
      const { lab, recorder, party } = worlds[tls];
      await lab.set('healthy');
      for (const way of ['plain', 'refresh', 'logout'])
        for (const recorded of [false, true]) {
          const { passed, said } = await party.go(way, { recorded });
          assert.ok(passed, `${way}: ${said}`);
        }
      const report = await recorder.inspect(0);
      assert.deepEqual([...named(report)], []);
      assert.ok(report.flows.some((flow) => flow.subject === 'Login'));
    });

  for (const row of concerned.filter(({ id }) => !skips[id])) {
    const { id, must, tls } = row;
    const passing = passes.includes(id);
    const how = { refuse: ['fails closed', 'LETS IT THROUGH'], survive: ['does NOT survive it', 'survives it'], either: ['refuses it', 'goes on'] }[must][Number(passing)];
    test(`${id}: ${how}; it is named`, async () => {
      const world = worlds[tls];
      const { lab, recorder } = world;
      const from = recorder.entries().length;
      /* Devices poll, which takes its time: both walks at once. */
      const both = wayTo(row) === 'device' ? walkInto(world, row, { recorded: true }) : undefined;
      const direct = await walkInto(world, row, { recorded: false });
      assert.equal(direct.passed, passing, direct.said);
      const { committed } = (await request(lab.control)).json;
      assert.ok(committed > 0 || ['network.tcp.refused', 'keys.stale_in_use'].includes(id), 'it never came to the fault');
      const recorded = await (both ?? walkInto(world, row, { recorded: true }));
      assert.equal(recorded.passed, id.startsWith('network.tls.') || id.startsWith('network.proxy.') ? recorded.passed : passing, recorded.said);
      if (nobodys.includes(id)) return;
      if (byDoctor[id]) {
        const { ids, json } = await visit(lab, reference);
        assert.ok([...ids, ...[json.cause, ...json.also].map((one) => one?.reason)].includes(id), ids.join());
        return;
      }
      const found = named(await inspected(world, row, recorded, from, folder));
      assert.ok(found.has(table.recordedAs?.[id] ?? recordedAs[id] ?? id), `${[...found].join()}; it said ${recorded.said}`);
    });
  }
}
