// SPDX-License-Identifier: Apache-2.0
// tools/compare-diagnosis on a few faults: who is installed is asked, its words are its own, and the rule that judges them can say each of its verdicts.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { judge, ruleFor, verdicts } from '../compare/rules.mjs';
import { peers, questionsFor } from '../compare/questions.mjs';
import { shorten, steady } from '../compare/page.mjs';
import { root, run, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

const tool = path.join(root, 'tools/compare-diagnosis');
const folder = temporaryFolder();

test('three faults: a row each, Sallyport and every installed peer asked, the page written', async () => {
  const faults = ['issuer.trailing_slash', 'token.kind.refresh_token', 'nonce.missing'];
  const [json, page] = [path.join(folder, 'rows.json'), path.join(folder, 'page.md')];
  const { code, stderr } = await run(tool, [...faults.flatMap((id) => ['--fault', id]), '--json', json, '--output', page], { timeout: 100_000 });
  assert.equal(code, 0, stderr);
  const { rows, notes } = JSON.parse(fs.readFileSync(json, 'utf8'));
  assert.deepEqual(rows.map((row) => row.id).sort(), [...faults].sort());
  const answers = Object.fromEntries(rows.map((row) => [row.id, row.answers]));
  for (const row of rows) {
    assert.equal(row.answers.Sallyport.verdict, 'yes', JSON.stringify(row.answers.Sallyport));
    assert.equal(row.answers.Sallyport.cause, row.id);
    assert.deepEqual(Object.keys(row.answers).sort(), ['Sallyport', ...row.peers].sort());
  }
  assert.match(answers['issuer.trailing_slash'].jsonwebtoken.text, /jwt issuer invalid\. expected: http:\/\/127\.0\.0\.1:PORT\/lab/);
  assert.equal(answers['issuer.trailing_slash'].jose.verdict, 'partly');
  assert.equal(answers['token.kind.refresh_token'].jsonwebtoken.verdict, 'accepted');
  assert.match(answers['nonce.missing']['openid-client'].text, /nonce/);
  /* Servers may be missing on a machine: that is said, and they get along with the healthy lab where they are. */
  for (const name of ['mod_oauth2', 'HAProxy']) {
    const answer = answers['issuer.trailing_slash'][name];
    if (answer.skipped) assert.ok(notes.some((note) => note.startsWith(name) && note.includes('not installed')), notes.join());
    else assert.match(answer.text, /^401/);
  }
  assert.match(fs.readFileSync(page, 'utf8'), /^\| `issuer\.trailing_slash`<br>/m);
});

test('every fault that is asked has a rule, and there are more than forty', async () => {
  const questions = questionsFor((await sallyport(['lab', 'list', '--json'])).json);
  assert.ok(questions.length >= 40, String(questions.length));
  for (const { id, peers: readers } of questions) {
    assert.ok(ruleFor(id));
    assert.ok(readers.length > 0 && readers.every((name) => peers.includes(name)), id);
  }
  const page = fs.readFileSync(path.join(root, 'docs/diagnosis.md'), 'utf8');
  for (const { id } of questions) assert.ok(page.includes(`| \`${id}\`<br>`), `docs/diagnosis.md has no row for ${id}: run make compare-diagnosis`);
});

test('the rule: part and what is yes, one of them partly, neither no', () => {
  const facts = { EXPECTED: 'https://idp.example', RECEIVED: 'https://idp.example/' };
  const said = { yes: 'jwt issuer invalid. expected: https://idp.example', partly: 'unexpected "iss" claim value', no: 'Token could not be verified.' };
  for (const [verdict, line] of Object.entries(said)) assert.equal(judge('issuer.trailing_slash', { said: [line] }, facts), verdict);
  assert.equal(judge('issuer.trailing_slash', { accepted: true }), 'accepted');
  assert.equal(judge('issuer.mismatch', { said: ['iss'] }, {}), 'partly', 'a value that is unknown is nowhere');
  assert.deepEqual(verdicts, ['yes', 'partly', 'no', 'accepted']);
  assert.throws(() => ruleFor('no.such.fault'), /no rule/);
});

test('what changes from run to run is a word, what is long is cut in the middle', () => {
  assert.equal(steady('at http://127.0.0.1:40123/lab, eyJhbGciOiJSUzI1NiJ9.e30.c2ln, 1795680295'), 'at http://127.0.0.1:PORT/lab, TOKEN, TIME');
  const short = shorten(`${'a'.repeat(200)}${'b'.repeat(200)}`);
  assert.equal(short.length, 120);
  assert.match(short, /^a+ … b+$/);
});

test('a fault or a peer that cannot be asked is said', async () => {
  for (const words of [['--fault', 'no.such.fault'], ['--peer', 'nobody']]) {
    const { code, stderr } = await run(tool, words);
    assert.equal(code, 2);
    assert.match(stderr, /can be asked about/);
  }
});
