// SPDX-License-Identifier: Apache-2.0
// Debian's glewlwyd as an issuer: /api/ES256 names itself as it is asked for, /api/RS256 names the server alone, as its example configuration has it.
import { startGlewlwyd as start, glewlwydMissing } from '../../../bench/peers/glewlwyd.mjs';
import { defer } from './cleanup.mjs';
import { temporaryFolder } from './gateway.mjs';

export const withoutGlewlwyd = glewlwydMissing ? 'glewlwyd is not installed' : false;

/** startGlewlwyd({ callback }) → { issuer, misnamed, client: ['app', 's'], signIn(page): Ann, in a browser that stands at its login page } */
export async function startGlewlwyd({ callback }) {
  const server = await start({ folder: temporaryFolder(), prefix: ['env'], callback, issuerOf: (base, name) => (name === 'ES256' ? `${base}/api/ES256` : base) });
  defer(() => server.stop());
  return { issuer: `${server.base}/api/ES256`, misnamed: `${server.base}/api/RS256`, client: ['app', 's'], signIn };
}

/* What the login page's script does; Debian's page wants jQuery and Bootstrap from packages of their own. */
async function signIn(page) {
  await page.waitForURL(/login\.html/);
  const back = new URL(page.url()).searchParams.get('callback_url');
  const status = await page.evaluate(async () => {
    const body = JSON.stringify({ username: 'ann', password: 'ann-secret-1' });
    return (await fetch('/api/auth/', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })).status;
  });
  if (status !== 200) throw new Error(`glewlwyd did not let Ann in: ${status}`);
  await page.evaluate((url) => location.assign(url), `${back}&g_continue`);
}
