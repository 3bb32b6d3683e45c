// SPDX-License-Identifier: Apache-2.0
// The documentation's configurations are ones that the program knows, and its links lead somewhere.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { makeAuthority } from '../lib/certificates.mjs';
import { root, sallyport } from '../lib/cli.mjs';
import { temporaryFolder } from '../lib/gateway.mjs';

function pages(folder = path.join(root, 'docs')) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(folder, entry.name);
    return entry.isDirectory() ? pages(full) : entry.name.endsWith('.md') ? [full] : [];
  });
}
const files = [path.join(root, 'README.md'), path.join(root, 'CONTRIBUTING.md'), ...pages()];
const folder = temporaryFolder();
const pem = JSON.stringify(makeAuthority(folder).ca.toString()); // a certificate serves as key, certificate and authority

/** Secret files are not there: a text stands for each. */
const withSecrets = (block) => block.replaceAll(/"?\$\{file:[^}]*\.pem\}"?/g, () => pem).replaceAll(/\$\{file:[^}]*\}/g, 'text-of-the-file-with-32-characters');

for (const file of files) {
  const name = path.relative(root, file);
  const text = fs.readFileSync(file, 'utf8');

  test(`${name}: links lead to files that are there`, () => {
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)) {
      assert.ok(fs.existsSync(path.resolve(path.dirname(file), target)), `${name} links to ${target}`);
    }
  });

  const configurations = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1]).filter((block) => /^(apis|issuers|authority|consumers|listen):/m.test(block) && !/ {8,}issuers:/.test(block));
  configurations.forEach((block, index) => {
    test(`${name}: configuration ${index + 1} has known members of the right type`, async () => {
      const config = path.join(folder, `${path.basename(name)}-${index}.yaml`);
      fs.writeFileSync(config, withSecrets(block));
      const { json, stderr } = await sallyport(['check', '-c', config, '--json']);
      assert.ok(json, stderr);
      const problems = (json.problems ?? json.findings ?? []).filter((problem) => JSON.stringify(problem).match(/config\.unknown_member|config\.type|config\.authority/));
      // A page shows the part that it is about: what is not in it is not a mistake.
      const mistakes = problems.filter((problem) => problem.cause.received !== 'absent');
      assert.deepEqual(mistakes, []);
    });
  });
}
