// SPDX-License-Identifier: Apache-2.0
// Certificate chains with any fault, made with openssl: a root, an intermediate below it, and leaves of either.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const day = 86_400_000;
const stamp = (date) => date.toISOString().replace(/[-:T]|\.\d+/g, ''); // 20261126031500Z

/**
 * makeChain(folder, { name }) → { rootFile, root, intermediate, intermediateDer, issue(subject, options) }
 * issue(subject, { by: 'intermediate' | 'root', names, days, from, until, aia }) → { key, cert, chain, certFile, keyFile }: `cert` is the leaf alone,
 * `chain` the leaf and the intermediate. `from` and `until` are Dates. reissueIntermediate(from, until) → the same intermediate with other dates.
 */
export function makeChain(folder, { name = 'Chain' } = {}) {
  const file = (suffix) => path.join(folder, `${name}-${suffix}`);
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const key = (id) => openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', file(`${id}.key`));
  fs.writeFileSync(file('index.txt'), '');
  fs.writeFileSync(file('ca.conf'), [
    '[ca]', 'default_ca = here', '[here]', `database = ${file('index.txt')}`, `new_certs_dir = ${folder}`, 'default_md = sha256', 'policy = any',
    'rand_serial = yes', 'unique_subject = no', 'copy_extensions = none', '[any]', 'commonName = supplied', 'organizationName = optional',
  ].join('\n'));

  key('root');
  openssl('req', '-x509', '-key', file('root.key'), '-days', '60', '-subj', `/O=Sallyport Tests/CN=${name} Root`, '-out', file('root.pem'));

  const sign = (id, subject, by, extensions, from, until, keepsKey = false) => {
    if (!keepsKey) key(id);
    fs.writeFileSync(file(`${id}.ext`), extensions);
    openssl('req', '-new', '-key', file(`${id}.key`), '-subj', `/CN=${subject}`, '-out', file(`${id}.csr`));
    openssl('ca', '-batch', '-notext', '-config', file('ca.conf'), '-cert', file(`${by}.pem`), '-keyfile', file(`${by}.key`), '-in', file(`${id}.csr`),
      '-startdate', stamp(from), '-enddate', stamp(until), '-extfile', file(`${id}.ext`), '-out', file(`${id}.pem`));
    return fs.readFileSync(file(`${id}.pem`), 'utf8');
  };
  const signIntermediate = (from, until, keepsKey) => sign('intermediate', `${name} Intermediate`, 'root',
    'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n', from, until, keepsKey);
  const intermediate = signIntermediate(new Date(Date.now() - day), new Date(Date.now() + 50 * day), false);

  let leaves = 0;
  return {
    rootKey: fs.readFileSync(file('root.key'), 'utf8'),
    rootFile: file('root.pem'),
    root: fs.readFileSync(file('root.pem'), 'utf8'),
    intermediate,
    intermediateDer: openssl('x509', '-in', file('intermediate.pem'), '-outform', 'DER'),
    reissueIntermediate: (from, until) => signIntermediate(from, until, true),
    issue(subject, { by = 'intermediate', names = ['localhost', '127.0.0.1'], days = 40, from = new Date(Date.now() - day), until, aia } = {}) {
      const id = `leaf${leaves++}`;
      const list = names.map((entry) => (/^[\d.]+$|:/.test(entry) ? `IP:${entry}` : `DNS:${entry}`)).join(',');
      const extensions = `basicConstraints=CA:FALSE\nsubjectAltName=${list}\n${aia ? `authorityInfoAccess=caIssuers;URI:${aia}\n` : ''}`;
      const cert = sign(id, subject, by, extensions, from, until ?? new Date(Date.now() + days * day));
      return {
        cert,
        chain: by === 'intermediate' ? cert + intermediate : cert,
        key: fs.readFileSync(file(`${id}.key`), 'utf8'),
        certFile: file(`${id}.pem`),
        keyFile: file(`${id}.key`),
      };
    },
  };
}
