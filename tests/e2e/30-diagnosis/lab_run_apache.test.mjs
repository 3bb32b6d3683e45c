// SPDX-License-Identifier: Apache-2.0
// `lab run --against` an Apache relying party (Debian's mod_auth_openidc).
import { closed, testRun } from '../lib/lab_run.mjs';
import { apacheMissing } from '../lib/parties.mjs';

testRun('apache', {
  ...closed('callback.error callback.issuer_mismatch algorithm.none network.tls.unknown_ca response.html state.mismatch'),
  'callback.issuer_missing': 'accepted', 'issuer.trailing_slash': 'accepted', 'userinfo.subject_mismatch': 'accepted', 'keys.rotated': 'survived',
}, { skip: apacheMissing });
