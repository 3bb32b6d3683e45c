// SPDX-License-Identifier: Apache-2.0
// docs/diagnosis.md from the rows: what changes from run to run (ports, tokens, times, digests) is written as a word, so that the same peers give the
// same page.
import { rules, verdicts } from './rules.mjs';
import { peers } from './questions.mjs';

const limit = 120;

const stable = [
  [/eyJ[\w-]{10,}(\.[\w-]*)*/g, 'TOKEN'],
  [/\/tmp\/[\w./-]+/g, 'FILE'],
  [/\b[\w-]{4}… \(\d+ characters\)/g, 'VALUE'],
  [/((?:127\.0\.0\.1|localhost|\[::1\]):)\d+/g, '$1PORT'],
  [/((?:127\.0\.0\.1|localhost)%3A)\d+/gi, '$1PORT'],
  [/\bport \d+\b/g, 'port PORT'],
  [/\bcurrent size=\d+/g, 'current size=N'],
  // Of a signature of another key: what its bytes happen to be.
  [/\berror:[0-9A-F]{8}:rsa routines::(data too large for modulus|invalid padding|padding check failed)/g, 'error:02000072:rsa routines::padding check failed'],
  [/\bsaw "\d+"/g, 'saw "N"'], // of a DER signature: 70 to 72
  [/(127\.0\.0\.1 port )\d+/g, '$1PORT'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?/g, 'DATE'],
  [/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [\w: ,]+GMT/g, 'DATE'],
  [/\b[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4} GMT/g, 'DATE'],
  [/\b1[5-9]\d{11}\b/g, 'TIME_MS'],
  [/\b1[5-9]\d{8}\b/g, 'TIME'],
  [/\b\d+ (seconds|ms|milliseconds)\b/g, 'N $1'],
  [/\b\d+ bytes\b/g, 'N bytes'],
  [/\b[0-9A-F]{16}:error:/g, 'error:'],
  [/\b(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{30,}\b/g, 'VALUE'],
];

export const steady = (text) => stable.reduce((left, [pattern, word]) => left.replace(pattern, word), text);

/** One line of at most 120 characters, shortened in the middle. */
export function shorten(text) {
  const flat = text.replace(/\s+/g, ' ').trim();
  if (flat.length <= limit) return flat;
  const half = (limit - 3) / 2;
  return `${flat.slice(0, Math.ceil(half))} … ${flat.slice(-Math.floor(half))}`;
}

/** Up to four of the lines that were said, each shortened. */
export const told = (said) => said.slice(0, 4).map((line) => shorten(steady(line))).join(' ← ');

const code = (text) => `<code>${text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/\|/g, '&#124;').replace(/[`*_~[\]{}\\]/g, (one) => `&#${one.charCodeAt(0)};`)}</code>`;
const mark = { yes: '**yes**', partly: 'partly', no: 'no', accepted: '**accepted (!)**' };

const cell = (answer) => {
  if (answer === undefined) return '–';
  if (answer.skipped) return `not asked: ${answer.skipped}`;
  return answer.verdict === 'accepted' ? mark.accepted : `${mark[answer.verdict]}: ${code(answer.text)}`;
};

const count = (rows, name, verdict) => rows.filter((row) => row.answers[name]?.verdict === verdict).length;
const asked = (rows, name) => rows.filter((row) => verdicts.includes(row.answers[name]?.verdict)).length;

export function summary(rows) {
  const lines = ['| | asked | names the cause | half of it | does not | accepted (!) |', '|---|---|---|---|---|---|'];
  for (const name of ['Sallyport', ...peers]) {
    lines.push(`| ${name} | ${asked(rows, name)} | ${verdicts.map((verdict) => count(rows, name, verdict)).join(' | ')} |`);
  }
  return lines.join('\n');
}

function ruleTable() {
  const cells = rules.map(([prefix, ...patterns]) => `| \`${prefix}\` | ${patterns.map(code).join(' | ')} |`);
  return ['| faults | names the part | says what is wrong with it |', '|---|---|---|', ...cells].join('\n');
}

const row = ({ id, what, answers }) => {
  const ours = answers.Sallyport;
  const cause = ours.verdict === 'accepted' ? '' : ` \`${ours.cause}\`${ours.cause !== id && ours.also.includes(id) ? ` and \`${id}\`` : ''}: ${ours.title}`;
  const cells = peers.map((name) => cell(answers[name])).join(' | ');
  return `| \`${id}\`<br>${what.replace(/\|/g, '\\|')} | ${mark[ours.verdict]}${cause} | ${cells} |`;
};

/** What Sallyport did not name, in words. */
function weak(rows) {
  const ours = rows.filter((one) => one.answers.Sallyport.verdict !== 'yes');
  if (ours.length === 0) return '';
  return `By the same rule Sallyport does not fully name ${ours.map((one) => `\`${one.id}\` (${one.answers.Sallyport.verdict})`).join(', ')}.\n`;
}

export function page({ rows, versions, notes }) {
  const groups = [...new Set(rows.map((one) => one.group))];
  const head = `| fault | Sallyport | ${peers.join(' | ')} |\n|${'---|'.repeat(peers.length + 2)}`;
  const sections = groups.map((group) => `### ${group}\n${head}\n${rows.filter((one) => one.group === group).map(row).join('\n')}\n`);
  const shares = peers.map((name) => `${name} ${count(rows, name, 'yes')} of ${asked(rows, name)}`).join(', ');
  const accepted = rows.filter((one) => peers.some((name) => one.answers[name]?.verdict === 'accepted')).length;
  return `# Who names the cause?

<!-- Written by make compare-diagnosis (tests/e2e/compare); edit it there. -->
[The lab](../lab/faults.def) commits a fault; whoever is concerned by it is asked, and what it says is written down here, word for word.

Of ${rows.length} faults Sallyport named the cause of ${count(rows, 'Sallyport', 'yes')}; of those that they were asked about, ${shares}.
${accepted} faults that a strict reader refuses were **accepted** by at least one peer as it is configured here.

${summary(rows)}

Read our own row as a regression test, not as a finding: the lab commits the causes of our catalogue, and our tests demand that each is named. The
other rows were made with our lab, our configurations and our rules, too. The rules were widened after a first run, where somebody's words meant the right thing and the pattern missed
them – ours as well as the others' (by the first patterns Sallyport named 126). In six faults our first cause is another id than the fault's; the rows show it. openid-client is not asked
about \`keys.insecure_url\`, since the plain lab has to tell it to put up with http. "Half of it" is cheap where the part is the token itself: every refusal has that word.

${weak(rows)}
## What was compared
${versions.map((line) => `- ${line}`).join('\n')}

All faults of the lab that a strict reader has to refuse, that can be met in one go and that some peer reads were asked. Left out is \`discovery.insecure_endpoint\`: the
lab's own issuer is plain http there, the client has to be told to put up with it, and nothing fair can be asked. A peer is asked about a fault
that stands in what it reads: a library that verifies tokens is not asked about logins, a client of OpenID Connect not about an API's access tokens; "–" is a peer that is not
concerned. Before that each peer has to accept the healthy lab, over plain HTTP and over TLS; where it does not, the row says that it cannot be asked.

- **mod_oauth2**: \`OAuth2TokenVerify metadata\`, with exp and iat required (with iss required by \`verify.iss\` it refused the healthy lab); issuer, audience, scope and the claim \`tenant\` by \`Require oauth2_claim\`. Its words are the
  status, the challenge and the error log at \`LogLevel warn\`, and which \`Require\` was denied, which Apache says from \`authz_core:debug\` on.
- **HAProxy**: the key in a file, as it reads no key sets; each check by a rule of its own. That rules have texts at all is our configuration's doing: HAProxy itself says the
  figure of \`jwt_verify\` (1 good, 0 bad signature, below 0 not verifiable). Algorithm, issuer, audience, exp, scope and \`tenant\` have a rule, as such
  configurations usually have; one for nbf, iat, typ or crit could be written, and without it such a token is accepted.
- **jsonwebtoken** with \`jwks-rsa\`, **jose** with \`createRemoteJWKSet\`: algorithms, issuer, audience, a greatest age; jose also the type \`at+jwt\` and that exp is there.
- **openid-client**: a login (discovery, authorization code with PKCE, state and nonce, ID token with its signature, userinfo).
- **Sallyport**: \`token examine\` with a policy, \`doctor\`, or \`inspect\` of a client's HAR, whichever an engineer would take; it is not told what to look for.

## When is a cause named?
By one table for everybody ([rules.mjs](../tests/e2e/compare/rules.mjs), below): what was said names the **part** that is wrong, and says **what** is wrong with it; of a comparison the
received or the expected value is enough. Both: **yes**; one: partly; neither: no. All that an operator sees counts: messages, codes, scalar fields of an error and of its
causes, log lines, the challenge. Whole payloads attached to an error do not: who shows all claims does not say which one. (jose attaches the payload: by \`error.claim\` the received value
can be looked up in it.) The rules match words, so they err at times, to either side: the messages are there to be read.

That is our rule and our lab: faults are those of our catalogue, and a catalogue knows its own; a refusal that is terse is no bug of who refuses. What is in a gateway's interest to hide from a caller is not counted against it, its log is read as well.
Up to four lines of what was said are shown, judged are all; lines longer than ${limit} characters are cut in the middle; ports, tokens, times and digests are written as words.

To repeat it: \`make compare-diagnosis\` (a few minutes); \`tools/compare-diagnosis --fault issuer.trailing_slash --json -\` for one.

${notes.length > 0 ? `Not asked in this run: ${notes.join('; ')}.\n\n` : ''}## The table
${sections.join('\n')}
## The rules
Regular expressions, case ignored; RECEIVED, EXPECTED and ADDRESS stand for the values of the run. The longest prefix that fits a fault counts.

${ruleTable()}
`;
}
