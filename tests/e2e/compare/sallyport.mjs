// SPDX-License-Identifier: Apache-2.0
// What Sallyport itself says: the tool that an engineer would take for the fault – `token examine`, `doctor`, or `inspect` of a client's HAR – told
// nothing about it. Every answer is { said: [line of the cause, …of the others], cause: id of the first or null }.
import { examine, visit } from '../lib/lab_ask.mjs';
import { walk } from '../lib/lab.mjs';
import { proofs } from '../lib/lab_proofs.mjs';

const line = ({ title, expected, received, detail, explanation }) =>
  [title, explanation, expected && `expected ${expected}`, received && `received ${received}`, detail].filter(Boolean).join('; ');

function answer(cause, also) {
  const findings = [cause, ...also].filter((row) => row && row.id !== 'clock.unsynchronised');
  if (findings.length === 0) return { accepted: true, cause: null };
  return { said: findings.map(line), cause: findings[0].id, title: findings[0].title, also: findings.slice(1).map((row) => row.id) };
}

const tools = {
  async examine(lab, { config }) {
    const { json, stderr } = await examine(config, lab.token);
    if (json === undefined) throw new Error(stderr);
    return answer(json.cause, json.also);
  },
  async doctor(lab, { reference }) {
    const { json } = await visit(lab, reference);
    return answer(json.cause, json.also);
  },
  async inspect(lab, { folder }) {
    const report = await (await walk(lab)).inspect(folder);
    return answer(...inspected(report));
  },
};

/** inspect names a cause for each flow that broke, and has findings at each message. */
function inspected({ flows }) {
  const cause = flows.map((flow) => flow.cause).find(Boolean) ?? null;
  const seen = new Set([cause?.id]);
  const others = flows.flatMap((flow) => flow.messages.flatMap((message) => message.findings));
  return [cause, others.filter(({ id }) => !seen.has(id) && seen.add(id))];
}

/** Which tool meets a fault. */
export function toolFor(id) {
  if ([...proofs.examine.cause, ...proofs.examine.also].includes(id)) return 'examine';
  if ([...proofs.doctor.cause, ...proofs.doctor.also].includes(id)) return 'doctor';
  return proofs.inspect.login.includes(id) ? 'inspect' : null;
}

export const askSallyport = (id, lab, world) => tools[toolFor(id) ?? 'examine'](lab, world);
