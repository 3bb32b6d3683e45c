// SPDX-License-Identifier: Apache-2.0
// What every page owes everybody: fields with labels, errors that are told to whoever hears the page, room for the longest names at 320 px (400 % zoom,
// WCAG 2.2 1.4.10), the keyboard alone. Looked at in Chromium, in the states that a person meets; SCREENSHOTS=DIR keeps them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { openPage, screenshots, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { sallyport } from '../lib/cli.mjs';

const grant = 'urn:ietf:params:oauth:grant-type:device_code';
const redirect = 'https://app.example/cb';
const long = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';
const authority = await startAuthority({
  authority: {
    clients: {
      web: { name: `${long} – ${long}`, secret: 's', redirect_uris: [redirect], require_pkce: false, scopes: ['openid', 'profile', 'email'] },
      hebrew: { name: 'תמונות <b> 2026', secret: 's', redirect_uris: [redirect], require_pkce: false, scopes: ['openid'] },
      turned: { name: 'Photo Album\u202e', secret: 's', redirect_uris: [redirect], require_pkce: false, scopes: ['openid'] },
      tv: { name: 'The TV', method: 'none', grants: [grant], scopes: ['openid'] },
    },
    mail: { url: 'smtp://127.0.0.1:9', from: 'a@example.test' },
  },
});
const person = `${long}@example.test`;
assert.equal((await sallyport(['accounts', 'add', person, '--state', authority.state], { input: 'long-secret\n' })).code, 0);
const urlOf = (client, extra = {}) => `${authority.issuer}/authorize?${new URLSearchParams({ client_id: client, redirect_uri: redirect, response_type: 'code', scope: 'openid', ...extra })}`;

/** What is wrong with the page that is shown; nothing should be. */
async function look(page, name, { trouble = false } = {}) {
  await page.setViewportSize({ width: 320, height: 640 });
  const faults = await page.evaluate(() => {
    const found = [];
    const visible = (element) => element.getClientRects().length > 0;
    const controls = [...document.querySelectorAll('input:not([type=hidden]):not([hidden]), button, a')].filter(visible);
    for (const control of controls) {
      const told = control.tagName === 'INPUT' ? [...(control.labels ?? [])].map((label) => label.innerText).join('') : control.innerText;
      if (!told.trim()) found.push(`nothing says what this is: ${control.outerHTML.slice(0, 150)}`);
      if (control.tagName === 'INPUT' && !control.autocomplete) found.push(`no autocomplete: ${control.outerHTML.slice(0, 150)}`);
      if (control.getBoundingClientRect().height < 24 && control.tagName !== 'A') found.push(`too small to hit: ${control.outerHTML.slice(0, 150)}`);
    }
    for (const described of document.querySelectorAll('[aria-describedby],[aria-labelledby]'))
      for (const id of `${described.getAttribute('aria-describedby') ?? ''} ${described.getAttribute('aria-labelledby') ?? ''}`.trim().split(' '))
        if (!document.getElementById(id)) found.push(`there is no #${id}`);
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`#${id} twice`);
    if (document.querySelectorAll('h1').length !== 1 || document.querySelectorAll('main').length !== 1) found.push('not one main and one h1');
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth) found.push(`sideways: ${document.documentElement.scrollWidth} px`);
    if (!document.documentElement.lang) found.push('no lang');
    return found;
  });
  assert.deepEqual(faults, [], name);
  const title = await page.title();
  assert.equal(title, `${trouble ? 'Error: ' : ''}${await page.locator('h1').innerText()}`, name);
  await screenshots(page, name);
}
const focused = (page) => page.evaluate(() => document.activeElement.id);
const described = (page) => page.evaluate(() => document.activeElement.getAttribute('aria-invalid') && document.getElementById(document.activeElement.getAttribute('aria-describedby')).innerText);

test('the way in, with the keyboard alone', { skip }, async () => {
  const page = await openPage({ locale: 'en-GB' });
  await page.goto(urlOf('web', { scope: 'openid profile email' }));
  await look(page, 'sign-in');
  assert.equal(await focused(page), 'username');
  await page.keyboard.type(person);
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').first().waitFor();
  await look(page, 'sign-in-wrong', { trouble: true });
  assert.equal(await focused(page), 'password');
  assert.match(await described(page), /not right/);
  await page.keyboard.type('long-secret');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Allow access?' }).waitFor();
  await look(page, 'consent');
  await page.goto(urlOf('hebrew'));
  await look(page, 'consent-right-to-left');
  // A name that turns the direction of writing does it to itself alone.
  await page.goto(urlOf('turned'));
  const [would, to] = await page.locator('p', { hasText: 'would like' }).evaluate((element) => {
    const text = element.lastChild;
    return ['would', 'to:'].map((word) => {
      const range = document.createRange();
      range.setStart(text, text.data.indexOf(word));
      range.setEnd(text, text.data.indexOf(word) + word.length);
      return range.getBoundingClientRect().left;
    });
  });
  assert.ok(would < to, `${would} ${to}`);
  await page.goto(`${authority.issuer}/nothing-here`);
  await look(page, 'nowhere');
});

test('the account, its changes and their errors', { skip }, async () => {
  const page = await openPage({ locale: 'en-GB' });
  await page.goto(`${authority.issuer}/.well-known/change-password`);
  await signIn(page, person, 'long-secret');
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  assert.equal(new URL(page.url()).hash, '#password');
  await look(page, 'account');
  // What a password manager needs to keep the new one under the right name.
  assert.equal(await page.locator('form:has(#new_password) input[autocomplete=username]').inputValue(), person);
  await page.getByLabel('Present password').fill('wrong');
  await page.getByLabel('New password').fill('another-secret');
  await page.getByLabel('New password').press('Enter');
  await page.getByRole('alert').first().waitFor();
  await look(page, 'account-wrong', { trouble: true });
  assert.equal(await focused(page), 'trouble');
  await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
  await look(page, 'app');
  await page.getByLabel('Code', { exact: true }).fill('000000');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('alert').first().waitFor();
  await look(page, 'app-wrong', { trouble: true });
  assert.equal(await focused(page), 'code');
  assert.match(await described(page), /not right/);
  await page.goto(`${authority.issuer}/logout`);
  await look(page, 'sign-out');
});

test('a device, and a forgotten password', { skip }, async () => {
  const page = await openPage({ locale: 'en-GB' });
  await page.goto(`${authority.issuer}/device`);
  await look(page, 'device');
  await page.keyboard.type('WRONG-CODE');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').first().waitFor();
  await look(page, 'device-wrong', { trouble: true });
  assert.equal(await focused(page), 'user_code');
  assert.match(await described(page), /not known/);
  await page.goto(`${authority.issuer}/reset`);
  await look(page, 'reset');
  await page.keyboard.type(person);
  await page.keyboard.press('Enter');
  await page.getByRole('status').waitFor();
  await look(page, 'reset-sent');
  await page.goto(`${authority.issuer}/reset?ticket=x`);
  await look(page, 'reset-gone');
});

test('/.well-known/change-password leads to the form, and no other well-known address to a page', async () => {
  const { status, headers } = await authority.get('/.well-known/change-password');
  assert.equal(status, 303);
  assert.equal(headers.location, `${authority.issuer}/account?section=password#password`);
  assert.equal((await authority.get('/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200')).status, 404);
  const browser = startBrowser();
  await browser.open(`${authority.issuer}/.well-known/change-password`);
  assert.match((await browser.signIn()).text, /<h2[^>]*>Password/);
});
