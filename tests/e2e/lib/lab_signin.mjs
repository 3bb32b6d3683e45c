// SPDX-License-Identifier: Apache-2.0
// A test command for `sallyport lab run --against`: starts a relying party for the lab that the environment names, signs in once, and says how it ended.
// node lab_signin.mjs node|apache. Exit status 0: it let the person in.
import fs from 'node:fs';
import { cleanUp } from './cleanup.mjs';
import { temporaryFolder } from './gateway.mjs';
import { startApacheParty, startNodeParty } from './parties.mjs';

const { SALLYPORT_LAB_CA: file, ...facts } = process.env;
const lab = {
  issuer: facts.SALLYPORT_LAB_ISSUER, metadata_url: facts.SALLYPORT_LAB_METADATA_URL, client_id: facts.SALLYPORT_LAB_CLIENT_ID,
  client_secret: facts.SALLYPORT_LAB_CLIENT_SECRET, ca_file: file, ca: fs.readFileSync(file, 'utf8'),
};
const folder = temporaryFolder();
fs.chmodSync(folder, 0o755);
const party = process.argv[2] === 'apache' ? await startApacheParty(lab, folder) : await startNodeParty(lab);
const { passed, said } = await party.go('plain');
console.log(said);
await cleanUp();
process.exit(passed ? 0 : 1);
