// SPDX-License-Identifier: Apache-2.0
// Waiting for a fact, with a limit: never for a time.

/** Calls `probe` until it returns something truthy, and returns that. Fails with `what` after `timeout` ms. */
export async function until(probe, what, timeout = 60_000) {
  const end = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${what}${last ? `: ${last.message ?? last}` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
