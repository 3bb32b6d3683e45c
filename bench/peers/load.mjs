// SPDX-License-Identifier: Apache-2.0
// Load on an authority by wrk, and what it cost the server: CPU time of its process an answer.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { agent, formHeaders } from './sallyport.mjs';

/** Of all threads in nanoseconds; of a server whose threads come and go in the ticks that the process keeps. */
function cpuSeconds({ pid, losesThreads }) {
  if (losesThreads) {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }
  const threads = fs.readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e9, 0);
}

/** wrk to its end. Nothing else runs meanwhile, so that a peer which closes idle connections would not be heard: ours are given up. */
function runWrk(prefix, args) {
  agent.destroy();
  return spawnSync(prefix[0], [...prefix.slice(1), 'wrk', '-t1', ...args], { encoding: 'utf8' });
}

/** prefix: the command that pins wrk. */
export function makeLoad({ folder, prefix, seconds, connections }) {
  /** The same request again and again. */
  function repeat(server, where, basic, body) {
    const script = path.join(folder, 'load.lua');
    fs.writeFileSync(script, `wrk.method="POST"; wrk.body=${JSON.stringify(body)}
${Object.entries(formHeaders(basic)).map(([name, value]) => `wrk.headers["${name}"]="${value}"`).join('\n')}
done=function(s) print(string.format("FIGURES %d %d %d", s.requests, s.duration, s.errors.status)) end`);
    let before, requests, duration, errors;
    /* Longer where not one answer came: the disk of a busy machine may keep a durable peer waiting. */
    for (let lasts = seconds; !requests; lasts *= 4) {
      if (lasts > 60) throw new Error(`${server.name} ${where}: no answer within ${lasts / 4} s`);
      before = cpuSeconds(server);
      const { stdout } = runWrk(prefix, [`-c${connections}`, `-d${lasts}`, '-s', script, server.issuer + where]);
      [, requests, duration, errors] = stdout.match(/FIGURES (\d+) (\d+) (\d+)/).map(Number);
    }
    if (errors > 0) throw new Error(`${server.name} ${where}: ${errors} of ${requests} answers were errors`);
    return { us: ((cpuSeconds(server) - before) * 1e6) / requests, rate: requests / (duration / 1e6) };
  }

  /** Each body once; answers parsed. wrk asks for one request before it begins, and goes on until the last answer is there: what it sends then is
   *  a page that no peer has (one or two in a hundred requests). os.exit, since wrk sleeps its time out even when its thread has stopped. */
  function each(server, bodies) {
    const [script, sent, answered] = ['load.lua', 'bodies', 'answers'].map((name) => path.join(folder, name));
    fs.writeFileSync(sent, bodies.join('\n'));
    fs.writeFileSync(script, `local bodies, answers, calls, got = {}, io.open(${JSON.stringify(answered)}, "w"), 0, 0
for line in io.lines(${JSON.stringify(sent)}) do bodies[#bodies + 1] = line end
local headers = { ${Object.entries(formHeaders('app:s')).map(([name, value]) => `["${name}"]="${value}"`).join(', ')} }
function request()
  calls = calls + 1
  local body = bodies[math.max(calls - 1, 1)]
  return body and wrk.format("POST", nil, headers, body) or wrk.format("GET", "/no-such-page")
end
function response(status, _, body)
  if status == 404 or got == #bodies then return end
  got = got + 1
  answers:write(status, " ", (body:gsub("%s*\\n%s*", " ")), "\\n")
  if got == #bodies then answers:close() os.exit(0) end
end`);
    const before = cpuSeconds(server);
    const began = process.hrtime.bigint();
    runWrk(prefix, [`-c${connections}`, '-d600', '-s', script, server.issuer + server.token]);
    const wall = Number(process.hrtime.bigint() - began) / 1e9;
    const us = ((cpuSeconds(server) - before) * 1e6) / bodies.length;
    const answers = fs.readFileSync(answered, 'utf8').trimEnd().split('\n').map((line) => [Number(line.slice(0, 3)), line.slice(4)]);
    const bad = answers.find(([status]) => status !== 200);
    if (bad || answers.length !== bodies.length) throw new Error(`${server.name} ${server.token}: ${answers.length} of ${bodies.length} answers, ${bad}`);
    return { figure: { us, rate: bodies.length / wall }, answers: answers.map(([, text]) => JSON.parse(text)) };
  }
  return { repeat, each };
}
