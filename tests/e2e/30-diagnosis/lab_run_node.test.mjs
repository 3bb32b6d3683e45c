// SPDX-License-Identifier: Apache-2.0
// `lab run --against` a Node relying party (npm's openid-client).
import { closed, testRun } from '../lib/lab_run.mjs';

testRun('node', {
  ...closed(`callback.error callback.issuer_missing callback.issuer_mismatch algorithm.none issuer.trailing_slash discovery.issuer_mismatch network.tls.hostname
    nonce.mismatch state.mismatch code.reused userinfo.subject_mismatch`),
  'id_token.at_hash': 'accepted', 'keys.rotated': 'survived',
});
