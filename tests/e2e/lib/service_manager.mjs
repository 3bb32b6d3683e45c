// SPDX-License-Identifier: Apache-2.0
// A service manager's end of sd_notify(3): a datagram socket, which Node has none of. Python holds it and hands on what comes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { defer } from './cleanup.mjs';
import { run } from './cli.mjs';
import { until } from './wait.mjs';

const receiver = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
s.bind('\\0' + name[1:] if name[0] == '@' else name)
print(json.dumps('bound'), flush=True)
while True:
    print(json.dumps(s.recv(65536).decode('utf-8')), flush=True)
`;

/**
 * startServiceManager(folder, { abstract }) → `env` for the process that is to tell, `messages` as objects in their order,
 * `next(test, what, from)`: the first one from the index on of which the test holds.
 */
export async function startServiceManager(folder, { abstract = false } = {}) {
  const name = abstract ? `@sallyport-e2e-${process.pid}-${path.basename(folder)}` : path.join(folder, 'notify.sock');
  const child = spawn('python3', ['-c', receiver, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  defer(() => child.kill());
  const messages = [];
  const lines = readline.createInterface({ input: child.stdout });
  await once(lines, 'line');
  lines.on('line', (line) => {
    const text = JSON.parse(line);
    messages.push(Object.fromEntries(text.split('\n').filter(Boolean).map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)])));
  });
  return {
    /** Behind all that was sent so far. */
    async mark() {
      const from = messages.length;
      await run('python3', ['-c', 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"MARK=1", sys.argv[1].replace("@", chr(0), 1))', name]);
      await until(() => messages.slice(from).some((message) => message.MARK), 'the mark', 60_000);
    },
    env: { NOTIFY_SOCKET: name },
    messages,
    next: (test, what, from = 0) => until(() => messages.slice(from).find(test), `${what}; told so far: ${JSON.stringify(messages)}`, 60_000),
  };
}

/** The watchdog hears of a process that turns, nothing while it stands (`meanwhile`), and of it again afterwards. */
export async function watchdogHears(manager, pid, meanwhile = async () => {}) {
  const alive = (message) => message.WATCHDOG === '1';
  for (let i = 0; i < 3; i++) await manager.next(alive, 'WATCHDOG=1', manager.messages.length);
  process.kill(pid, 'SIGSTOP');
  await until(() => / T /.test(fs.readFileSync(`/proc/${pid}/stat`, 'latin1')), 'the process to stand');
  await meanwhile();
  await manager.mark();
  const before = manager.messages.length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(manager.messages.slice(before), []);
  process.kill(pid, 'SIGCONT');
  await manager.next(alive, 'WATCHDOG=1 again', before);
}
