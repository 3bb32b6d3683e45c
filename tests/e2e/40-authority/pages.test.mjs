// SPDX-License-Identifier: Apache-2.0
// What every page owes everybody: fields with labels, errors that are told to whoever hears the page, room for the longest names at 320 px (400 % zoom,
// WCAG 2.2 1.4.10), the keyboard alone. Looked at in Chromium, in the states that a person meets; SCREENSHOTS=DIR keeps them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAuthority } from '../lib/authority.mjs';
import { startBrowser } from '../lib/browser.mjs';
import { openPage, screenshots, signIn, withoutChromium as skip } from '../lib/chromium.mjs';
import { sallyport } from '../lib/cli.mjs';
import { startApp } from '../lib/totp.mjs';

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

/** WCAG 2.2 1.4.3 and 1.4.11, in the page: text 4.5 to 1, the edge or the face of a control 3 to 1. */
function lookAtContrast() {
  const found = [];
  const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => colour.slice(0, 3).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)).reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (...colours) => {
    const [dark, bright] = colours.map(luminance).sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] !== 0) return colour;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const element = text.parentElement;
    if (!text.data.trim() || element.closest('script,noscript,svg') || element.getClientRects().length === 0) continue;
    const contrast = ratio(parse(getComputedStyle(element).color), behind(element));
    if (contrast < 4.5) found.push(`${contrast.toFixed(2)}: ${text.data.slice(0, 40)}`);
  }
  for (const control of document.querySelectorAll('input:not([type=hidden]), button, a.button')) {
    if (control.getClientRects().length === 0) continue;
    const { borderTopColor, backgroundColor } = getComputedStyle(control);
    const around = behind(control.parentElement);
    const contrast = Math.max(...[borderTopColor, backgroundColor].map(parse).map((colour) => (colour[3] === 0 ? 1 : ratio(colour, around))));
    if (contrast < 3) found.push(`${contrast.toFixed(2)}: ${control.outerHTML.slice(0, 60)}`);
  }
  return found;
}

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
      // What the browser holds back until it is filled in must not be let go by the button beside it.
      if (control.formNoValidate && control.form.querySelector('[required]')) found.push(`sends what is not filled in: ${control.outerHTML.slice(0, 150)}`);
      if (control.getBoundingClientRect().height < 24 && control.tagName !== 'A') found.push(`too small to hit: ${control.outerHTML.slice(0, 150)}`);
    }
    // Buttons of the same words say to whoever hears them what each is for.
    const spoken = controls.filter(({ tagName }) => tagName === 'BUTTON').map((button) => `${button.innerText} / ${document.getElementById(button.getAttribute('aria-describedby'))?.innerText ?? ''}`);
    for (const words of spoken) if (spoken.indexOf(words) !== spoken.lastIndexOf(words)) found.push(`twice the same button: ${words}`);
    const levels = [...document.querySelectorAll('h1,h2,h3')].map(({ tagName }) => Number(tagName[1]));
    if (levels.some((level, i) => level > (levels[i - 1] ?? 0) + 1)) found.push(`headings: ${levels}`);
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
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await page.evaluate(lookAtContrast), [], `${name}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: null });
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
  const wrong = () => page.locator('[aria-invalid]').evaluateAll((fields) => fields.map(({ id, attributes }) => [id, attributes['aria-describedby'].value]));
  assert.deepEqual(await wrong(), [['old_password', 'trouble']]);
  // Nothing is sent that is not filled in, and the place is shown.
  const refused = authority.log().filter(({ finding }) => finding).length;
  for (const [button, field] of [['Change password', 'old_password'], ['Send a link to it', 'email-new']]) {
    await page.getByRole('button', { name: button }).click();
    assert.equal(await focused(page), field);
  }
  assert.equal(authority.log().filter(({ finding }) => finding).length, refused);
  await page.getByLabel('New address').fill('nobody@-example.test');
  await page.getByRole('button', { name: 'Send a link to it' }).evaluate((button) => {
    button.form.noValidate = true; // as a browser that takes it for an address
    button.click();
  });
  await page.getByText('That is no e-mail address.').waitFor();
  assert.deepEqual(await wrong(), [['email-new', 'trouble']]);
  await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
  await look(page, 'app');
  await page.getByLabel('Code', { exact: true }).fill('000000');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('alert').first().waitFor();
  await look(page, 'app-wrong', { trouble: true });
  assert.equal(await focused(page), 'code');
  assert.match(await described(page), /not right/);
  await page.getByRole('link', { name: 'Back to your account' }).click();
  await page.getByRole('button', { name: 'Set up an authenticator app' }).click();
  const app = startApp(await page.locator('#key').innerText());
  await page.getByLabel('Code', { exact: true }).fill(await app.next());
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  await look(page, 'recovery-codes');
  const codes = await page.locator('ol.codes li').allInnerTexts();
  await page.getByRole('link', { name: 'Back to your account' }).click();
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  const before = authority.log().length;
  await page.getByRole('button', { name: 'Remove the app' }).click();
  assert.equal(await focused(page), 'code');
  assert.equal(authority.log().length, before);
  await page.getByLabel('Code', { exact: true }).fill(app.wrong());
  await page.getByRole('button', { name: 'Remove the app' }).click();
  await page.getByRole('alert').first().waitFor();
  assert.deepEqual(await wrong(), [['code', 'trouble']]);
  await look(page, 'account-with-app', { trouble: true });
  // The phone is lost.
  await page.context().clearCookies();
  await page.goto(`${authority.issuer}/account`);
  await signIn(page, person, 'long-secret');
  await page.getByText('Phone lost?').click();
  const lost = page.getByLabel('Recovery code', { exact: true });
  await page.getByRole('button', { name: 'Use the recovery code' }).click();
  assert.equal(await focused(page), 'recovery');
  await lost.fill('aaaa-bbbb-cccc-dddd');
  await lost.press('Enter');
  await page.getByRole('alert').first().waitFor();
  await look(page, 'recovery-wrong', { trouble: true });
  assert.deepEqual(await wrong(), [['recovery', 'trouble']]);
  assert.equal(await focused(page), 'recovery');
  await lost.fill(codes[0]);
  await lost.press('Enter');
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  await page.getByText('9 recovery codes are left').waitFor();
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
  assert.equal(await page.title(), 'Look into your mailbox'); // the title tells what became of it
  await page.goto(`${authority.issuer}/reset?ticket=x`);
  await look(page, 'reset-gone', { trouble: true });
  await page.goto(`${authority.issuer}/email?ticket=x`);
  await look(page, 'email-gone', { trouble: true });
});

test('rows of one kind have buttons that say which they are for', { skip }, async () => {
  for (let i = 0; i < 2; i++) {
    const other = startBrowser();
    await other.open(urlOf('web', { prompt: 'consent' }));
    await other.signIn();
    await other.allow();
  }
  const browser = startBrowser();
  await browser.open(urlOf('hebrew', { prompt: 'consent' }));
  await browser.signIn();
  await browser.allow();
  const page = await openPage({ locale: 'en-GB' });
  await page.goto(`${authority.issuer}/account`);
  await signIn(page);
  await page.getByRole('heading', { name: 'Your account' }).waitFor();
  const of = (name) => page.getByRole('button', { name, exact: true }).evaluateAll((buttons) => buttons.map((button) => document.getElementById(button.getAttribute('aria-describedby'))?.innerText));
  assert.deepEqual((await of('Remove access')).sort(), [`${long} – ${long}`, 'תמונות <b> 2026'].sort());
  assert.equal((await of('Sign out there')).filter(Boolean).length, 3);
});

test('the last recovery codes are counted in words that fit', async () => {
  const browser = startBrowser();
  assert.equal((await sallyport(['accounts', 'add', 'cody', '--state', authority.state], { input: 'cody-secret\n' })).code, 0);
  await browser.open(`${authority.issuer}/account`);
  const token = (await browser.signIn('cody', 'cody-secret')).text.match(/name="form_token" value="([^"]*)"/)[1];
  const send = (form) => browser.open(`${authority.issuer}/account`, { method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ form_token: token, section: 'second_factor', ...form }).toString() });
  const app = startApp((await send({ step: 'app_begin' })).text.match(/id="key">([A-Z2-7 ]+)</)[1]);
  const codes = [...(await send({ step: 'app_confirm', code: await app.next() })).text.matchAll(/<li>([a-z2-7-]{19})<\/li>/g)].map((match) => match[1]);
  const said = [];
  for (const code of codes) {
    const other = startBrowser();
    await other.open(`${authority.issuer}/account`);
    await other.signIn('cody', 'cody-secret');
    said.push((await other.submit({ recovery: code, step: 'recovery' })).text.match(/[^>]*recovery codes? (?:are|is) left[^<]*/)[0]);
  }
  assert.deepEqual(said.slice(-2), ['One recovery code is left. Make new ones in time.', 'No recovery code is left: without your phone or passkey you could not sign in. Make new ones.']);
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
