// SPDX-License-Identifier: Apache-2.0
// The program under test as a command.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const build = path.resolve(root, process.env.SALLYPORT_BUILD ?? 'build');
export const program = path.join(build, 'sallyport');
export const module = path.join(build, 'ngx_http_sallyport_module.so');
export const sanitizing = process.env.SALLYPORT_SANITIZE === '1';

/**
 * Runs `sallyport ARGS…` to its end: { code, stdout, stderr, json }. `json` is stdout parsed, undefined when it is not JSON.
 * Options: input (stdin), env, cwd, timeout (ms).
 */
export function sallyport(args, { input = '', env = {}, cwd, timeout = 60_000 } = {}) {
  return run(program, args, { input, env, cwd, timeout });
}

/** Any other program, same result; `shell: true` runs a command line with bash. */
export function run(command, args, { input = '', env = {}, cwd = root, timeout = 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    const out = [];
    const err = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.stdin.on('error', () => {}); // it may not read its input
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString('utf8');
      let json;
      try {
        json = JSON.parse(stdout);
      } catch {
        json = undefined;
      }
      resolve({ code, signal, stdout, stderr: Buffer.concat(err).toString('utf8'), json });
    });
    child.stdin.end(input);
  });
}
