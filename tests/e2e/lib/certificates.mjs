// SPDX-License-Identifier: Apache-2.0
// A certification authority for a test file, made with openssl.
import { execFileSync } from 'node:child_process';
import { X509Certificate, createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';

/**
 * makeAuthority(folder) → { caFile, ca, issue(name, { names: ['api.example.com', '127.0.0.1'], days, subject, selfSigned, purpose: 'serverAuth' }) }
 * `issue` (subject: '/C=DE/CN=…' of openssl, else CN=name) writes NAME.pem and NAME.key and returns { certFile, keyFile, cert, key, thumbprint (x5t#S256) }.
 */
export function makeAuthority(folder, name = 'Test CA') {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const file = (suffix) => path.join(folder, suffix);
  const id = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', `/CN=${name}`, '-keyout', `${id}.key`, '-out', `${id}.pem`);
  return {
    caFile: file(`${id}.pem`),
    ca: fs.readFileSync(file(`${id}.pem`)),
    issue(subject, { names = ['127.0.0.1', 'localhost'], days = 30, subject: dn = `/CN=${subject}`, selfSigned = false, purpose = '' } = {}) {
      const list = names.map((entry) => (/^[\d.]+$|:/.test(entry) ? `IP:${entry}` : `DNS:${entry}`)).join(',');
      fs.writeFileSync(file(`${subject}.ext`), `subjectAltName=${list}\nbasicConstraints=CA:FALSE\n${purpose && `extendedKeyUsage=${purpose}\n`}`);
      openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', dn, '-keyout', `${subject}.key`, '-out', `${subject}.csr`);
      openssl('x509', '-req', '-in', `${subject}.csr`, ...(selfSigned ? ['-signkey', `${subject}.key`] : ['-CA', `${id}.pem`, '-CAkey', `${id}.key`, '-CAcreateserial']), '-days', String(days), '-extfile', `${subject}.ext`, '-out', `${subject}.pem`);
      const cert = fs.readFileSync(file(`${subject}.pem`));
      return {
        certFile: file(`${subject}.pem`),
        keyFile: file(`${subject}.key`),
        cert,
        key: fs.readFileSync(file(`${subject}.key`)),
        thumbprint: createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url'),
      };
    },
  };
}

/** The serial number of the certificate that is served at the loopback port, whoever signed it. */
export function servedSerial(port) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.end();
    });
    socket.on('error', reject);
    socket.setTimeout(20_000, () => socket.destroy(new Error('no handshake')));
  });
}
