// SPDX-License-Identifier: Apache-2.0
// `sallyport accounts …` beside a running authority: what it writes holds at once.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { sallyport } from '../lib/cli.mjs';
import { until } from '../lib/wait.mjs';

const authority = await startAuthority({ authority: { clients: { web: { secret: 's', redirect_uris: ['https://app.example/callback'], scopes: ['openid'] } } } });
const account = `${authority.issuer}/account`;
const accounts = (...words) => sallyport(['accounts', ...words, '--state', authority.state]);
const table = (text) => {
  const file = path.join(authority.folder, 'people.csv');
  fs.writeFileSync(file, text);
  return file;
};
async function canSignIn(name, password) {
  const browser = startBrowser();
  await browser.open(account);
  return /<title>Your account/.test((await browser.signIn(name, password)).text);
}

test('an imported person signs in: plain text, and the hash of another system', async () => {
  const sha = spawnSync('openssl', ['passwd', '-6', '-salt', 'saltsalt', 'bobs-old-password'], { encoding: 'utf8' }).stdout.trim();
  const file = table(`name,password,password_hash,email,email_verified,claims.dept,id\nanna,annas-password,,anna@example.test,true,"R, D",legacy-7\nbob,,${sha},,,,\n`);
  const dry = await accounts('import', file, '--dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /2 rows are fine; nothing was written/);
  assert.equal(await canSignIn('anna', 'annas-password'), false);
  const done = await accounts('import', file, '--json');
  assert.deepEqual(JSON.parse(done.stdout), { dry_run: false, rows: 2, added: 2, changed: 0, skipped: 0, problem_count: 0, problems: [] });
  assert.equal(await canSignIn('anna', 'annas-password'), true);
  assert.equal(await canSignIn('bob', 'bobs-old-password'), true);
  assert.equal(await canSignIn('bob', 'bobs-old-passwork'), false);
  assert.equal(JSON.parse((await accounts('show', 'bob')).stdout).password, 'argon2id'); // no longer the other system's
  assert.equal(await canSignIn('bob', 'bobs-old-password'), true);
  const shown = JSON.parse((await accounts('show', 'anna')).stdout);
  assert.equal(shown.id, 'legacy-7');
  assert.deepEqual(shown.claims, { email: 'anna@example.test', email_verified: true, dept: 'R, D' });
  assert.equal(shown.sessions.length, 1);
});

test('while one row is wrong nothing is written, and each is told with its line', async () => {
  const file = table('name,password,email,email_verified\ncarl,carls-password,,\ndora,short,,\nCARL,carls-password,,\nfred,freds-password,ANNA@example.test,true\nann,anns-password,,\n"x\n');
  const { code, stderr, stdout } = await accounts('import', file);
  assert.equal(code, 1);
  assert.match(stderr, /people\.csv:3: a password has 8 characters/);
  assert.match(stderr, /people\.csv:4: its name, id or e-mail address is that of an earlier row/);
  assert.match(stderr, /people\.csv:5: the e-mail address is another account's/);
  assert.match(stderr, /people\.csv:6: there is an account 'ann' already/);
  assert.match(stderr, /people\.csv:7: a quote opens here that nothing closes/);
  assert.match(stdout, /5 of 6 rows are wrong; nothing was written/);
  assert.equal((await accounts('show', 'carl')).code, 1);
});

test('a first row that is wrong is told as such', async () => {
  const { code, stderr, stdout } = await accounts('import', table('name;password\ncarl;carls-password\n'));
  assert.deepEqual([code, stdout], [1, 'the first row is wrong; nothing was written\n']);
  assert.match(stderr, /people\.csv:1: the columns are separated by something else than commas/);
  for (const head of ['"name";"password"\n', '"name"\t"password"\n']) assert.match((await accounts('import', table(head))).stderr, /people\.csv:1: .*separated by something else than commas/);
  assert.match((await accounts('import', table('sub,name\n1,carl\n'))).stderr, /there is no column 'sub'; the nearest known one is 'id'/);
});

test('one row is not told as several', async () => {
  const file = table('name\nanton\n');
  assert.equal((await accounts('import', file, '--dry-run')).stdout, '1 row is fine; nothing was written (--dry-run)\n');
  assert.equal((await accounts('import', table('name,password\nx,short\ny,long-enough\n'))).stdout, '1 of 2 rows is wrong; nothing was written\n');
});

test('accounts that are there are skipped or changed when asked', async () => {
  const file = table('name,given_name\nanna,Anna\ngina,Gina\n');
  assert.match((await accounts('import', file, '--skip-existing')).stdout, /^1 account added, 0 changed, 1 skipped/);
  assert.match((await accounts('import', file, '--update')).stdout, /0 accounts added, 2 changed, 0 skipped/);
  const claims = async () => JSON.parse((await accounts('show', 'anna')).stdout).claims;
  assert.deepEqual(await claims(), { email: 'anna@example.test', email_verified: true, dept: 'R, D', given_name: 'Anna' }); // what has no column stays
  assert.match((await accounts('import', table('name,email,claims.dept,given_name\nanna,other@example.test,,Anne\n'), '--update')).stdout, /1 changed/);
  assert.deepEqual(await claims(), { email: 'other@example.test', given_name: 'Anne' }); // emptied; and another address is not verified
  assert.equal(await canSignIn('anna', 'annas-password'), true); // it keeps what the table does not say
});

test('a table that sets a password or disables ends what was begun before, and nothing else does', async () => {
  const browser = startBrowser();
  const isSignedIn = async () => /<title>Your account/.test((await browser.open(account)).text);
  const signIn = async (password) => {
    if (!(await isSignedIn())) await browser.signIn('gina', password);
    assert.equal(await isSignedIn(), true);
  };
  const update = async (text) => assert.match((await accounts('import', table(text), '--update')).stdout, /1 changed/);
  await update('name,password,email\ngina,ginas-password-1,gina@example.test\n');
  await signIn('ginas-password-1');
  await update('name,nickname,disabled,email\ngina,G,no,gina@example.test\n');
  const hash = spawnSync('openssl', ['passwd', '-6', '-salt', 'saltsalt', 'ginas-password-2'], { encoding: 'utf8' }).stdout.trim();
  assert.equal(await isSignedIn(), true);
  await update(`name,password_hash\ngina,${hash}\n`);
  assert.equal(await isSignedIn(), false);
  assert.deepEqual(JSON.parse((await accounts('show', 'gina')).stdout).claims, { given_name: 'Gina', nickname: 'G', email: 'gina@example.test' }); // of which the table said nothing
  await update(`name,password_hash\ngina,${hash}\n`);
  await signIn('ginas-password-2');
  await update('name,password\ngina,ginas-password-3\n');
  assert.equal(await isSignedIn(), false);
  await signIn('ginas-password-3');
  await update('name,disabled\ngina,yes\n');
  assert.equal(await isSignedIn(), false);
  assert.equal(await canSignIn('gina', 'ginas-password-3'), false);
  await update('name,given_name\ngina,Gina\n');
  assert.equal(await canSignIn('gina', 'ginas-password-3'), false); // still
  await update('name,disabled\ngina,no\n');
  assert.equal(await canSignIn('gina', 'ginas-password-3'), true);
});

test('list names everybody', async () => {
  const { stdout } = await accounts('list');
  assert.deepEqual(stdout.trim().split('\n').map((line) => line.split('\t')[0]), ['ann', 'anna', 'bob', 'gina']);
  assert.equal(JSON.parse((await accounts('list', '--json')).stdout).length, 4);
});

test('a disabled person is signed out at once and cannot come back; enabled, they can', async () => {
  const browser = startBrowser();
  await browser.open(account);
  assert.match((await browser.signIn('anna', 'annas-password')).text, /Your account/);
  assert.equal((await accounts('disable', 'anna')).code, 0);
  assert.match((await browser.open(account)).text, /<title>Sign in/);
  assert.equal(await canSignIn('anna', 'annas-password'), false);
  assert.equal((await accounts('enable', 'anna')).code, 0);
  assert.equal(await canSignIn('anna', 'annas-password'), true);
});

test('a removed person is forgotten', async () => {
  const browser = startBrowser();
  await browser.open(account);
  await browser.signIn('anna', 'annas-password');
  assert.equal((await accounts('remove', 'anna')).code, 0);
  assert.match((await browser.open(account)).text, /<title>Sign in/);
  assert.match((await accounts('remove', 'anna')).stderr, /there is no account 'anna'/);
});

test("no account has a client's id, and one that got it nevertheless gets no token", async () => {
  const file = table('name,password,id\npaul,pauls-password,web\nrita,ritas-password,spdc_rita\n');
  const refused = await authority.cli(['accounts', 'import', file]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /people\.csv:2: the id 'web' is a client's/);
  assert.match(refused.stderr, /people\.csv:3: an id does not begin with spdc_/);
  // Without the configuration nobody can tell.
  assert.equal((await accounts('import', table('name,password,id\npaul,pauls-password,web\n'))).code, 0);
  const redirect_uri = 'https://app.example/callback';
  const browser = startBrowser();
  await browser.open(`${authority.issuer}/authorize?${new URLSearchParams({ client_id: 'web', redirect_uri, response_type: 'code', scope: 'openid', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256' })}`);
  await browser.signIn('paul', 'pauls-password');
  const { location } = await browser.allow();
  const answer = await authority.post('/token', { grant_type: 'authorization_code', code: location.searchParams.get('code'), redirect_uri, code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk' }, { basic: ['web', 's'] });
  assert.equal(answer.json.error, 'invalid_grant');
  assert.match(answer.json.error_description, /account\.id_of_client/);
});

test("a client that comes later with an account's id is refused by a reload, and a start tells of it", async () => {
  assert.equal((await accounts('import', table('name,password,id\nnora,noras-password,nora-1\n'))).code, 0);
  const clients = { web: { secret: 's', redirect_uris: ['https://app.example/callback'], scopes: ['openid'] }, other: { secret: 's' } };
  const works = async (id) => (await authority.post('/token', { grant_type: 'client_credentials' }, { basic: [id, 's'] })).status === 200;
  authority.write({ clients: { ...clients, 'nora-1': { secret: 's' } } });
  authority.signal('SIGHUP');
  await until(() => /account\.id_of_client: authority\.clients\.nora-1 has the id of the account 'nora'.*was not taken/.test(authority.output()), 'the refusal');
  assert.equal(await works('nora-1'), false);
  assert.equal(await works('other'), false); // of the same configuration
  authority.write({ clients }); // web, which was there, has an account's id already
  authority.signal('SIGHUP');
  await until(() => /was read again/.test(authority.output()), 'the reload');
  assert.equal(await works('other'), true);
  authority.write({ clients: { ...clients, 'nora-1': { secret: 's' } } });
  await authority.restart();
  assert.match(authority.output(), /authority\.clients\.nora-1 has the id of the account 'nora'.*gets no tokens/);
  assert.equal(await works('nora-1'), true);
});

test('a name that looks like another one, or turns what stands beside it, is refused by command and table', async () => {
  const add = (name) => sallyport(['accounts', 'add', name, '--state', authority.state], { input: 'long-secret\n' });
  for (const name of ['ann\u202e', '\u2067ann', 'an\u200bn', 'ann\u200d']) {
    const { code, stderr } = await add(name);
    assert.notEqual(code, 0, JSON.stringify(name));
    assert.match(stderr, /a name is text without control characters, invisible ones, and ones that turn the direction/);
  }
  assert.match((await accounts('import', table('name,password\nan\u2060n,anns-password\n'))).stderr, /people\.csv:2: a name is text without/);
  assert.equal((await add('\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645')).code, 0); // Persian writes so
  assert.equal((await add('\u05d0\u05e0\u05d4')).code, 0);
});
