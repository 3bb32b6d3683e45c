// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium by playwright-core: a page that remembers what it complained of (CSP above all).
import fs from 'node:fs';
import { chromium } from 'playwright-core';
import { defer } from './cleanup.mjs';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const withoutChromium = fs.existsSync(executablePath) ? false : `there is no ${executablePath}`;

let started;
async function launch() {
  started ??= chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] }).then((browser) => {
    defer(() => browser.close());
    return browser;
  });
  return started;
}

/** A page of a browser of its own (no cookie in common with others) on a phone's screen; options as newContext takes them. */
export async function openPage(options = {}) {
  const context = await (await launch()).newContext({ viewport: { width: 360, height: 640 }, ...options });
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
