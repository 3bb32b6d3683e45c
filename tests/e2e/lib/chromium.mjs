// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium by playwright-core: a page that remembers what it complained of (CSP above all). The build without the desktop's browser around it where
// it is there: the same engine and network stack for a third of the CPU time.
import fs from 'node:fs';
import { chromium } from 'playwright-core';
import { defer } from './cleanup.mjs';

const whole = process.env.CHROMIUM ?? '/usr/bin/chromium';
const lean = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell';
const executablePath = [lean, whole].find((path) => fs.existsSync(path));
export const withoutChromium = executablePath ? false : `there is neither ${lean} nor ${whole}`;
export const withoutWholeChromium = fs.existsSync(whole) ? false : `there is no ${whole}`;

// One process for all pages of a file: a start takes seconds on a busy machine, and a context shares nothing with another. Names of the network that
// oidc-provider's pages ask for a font: one that is not there at once is quicker than one that nobody answers for. (Not by page.route: with it Chromium does
// not ask before a call across origins.) app.example is a host that is no loopback to it, and this machine.
const names = 'MAP *.googleapis.com ~NOTFOUND, MAP *.gstatic.com ~NOTFOUND, MAP app.example 127.0.0.1';
const started = {};
function launchAt(path) {
  started[path] ??= chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-gpu', `--host-resolver-rules=${names}`] }).then((browser) => {
    defer(() => browser.close());
    return browser;
  });
  return started[path];
}
export const launch = () => launchAt(executablePath);
/** Where the desktop's browser decides: it keeps no cookie of another site by default, the engine alone does. */
export const launchWhole = () => launchAt(whole);

/** A page of a browser of its own (no cookie in common with others) on a phone's screen; options as newContext takes them. */
export async function openPage(options = {}) {
  const context = await (await launch()).newContext({ viewport: { width: 360, height: 640 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.complaints = [];
  const keep = (text) => !/favicon/.test(text) && page.complaints.push(text);
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && keep(`${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => keep(String(error)));
  return page;
}

/** Fills the sign-in page that is shown. */
export async function signIn(page, name = 'ann', password = 'ann-secret') {
  await page.getByLabel('Username').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Where SCREENSHOTS names a folder, the page at a phone's and a desktop's width, light and dark. */
export async function screenshots(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  const before = page.viewportSize();
  for (const [device, viewport] of [['phone', { width: 360, height: 740 }], ['desktop', { width: 1280, height: 800 }]])
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${folder}/${name}-${device}-${colorScheme}.png`, fullPage: true });
    }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: null });
}
