// SPDX-License-Identifier: Apache-2.0
// A person with a browser without scripts: keeps cookies, follows redirects within the authority, fills the one form of a page.
import { request } from './http.mjs';

/** transport: what request() takes for each call: `ca`. */
export function startBrowser(headers = {}, transport = {}) {
  const cookies = new Map();
  const self = { cookies, page: undefined };
  async function load(url, options = {}) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await request(url, { ...transport, ...options, headers: { Accept: 'text/html', ...headers, ...options.headers, ...(cookie ? { Cookie: cookie } : {}) } });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (attributes.some((word) => /^Max-Age=0$/i.test(word))) cookies.delete(name);
      else cookies.set(name, value);
    }
    self.page = { url: String(url), ...answer };
    return self.page;
  }
  /** Opens a URL; follows redirects that stay at its origin; a redirect elsewhere is the result's `location`. */
  self.open = async (url, options) => {
    let page = await load(url, options);
    for (let hops = 0; hops < 10 && page.status >= 300 && page.status < 400; hops++) {
      const next = new URL(page.headers.location, page.url);
      if (next.origin !== new URL(url).origin) return { ...page, location: next };
      page = await load(next);
    }
    return page;
  };
  /** Fields of the page's form, hidden ones with their values. */
  self.fields = (page = self.page) => {
    const text = (value) => value.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
    const form = page.text.match(/<form method="post" action="([^"]*)">(.*?)<\/form>/s);
    if (!form) throw new Error(`there is no form on ${page.url} (${page.status}): ${page.text}`);
    const values = {};
    for (const [tag] of form[2].matchAll(/<input[^>]*>/g)) {
      const attribute = (name) => (tag.match(new RegExp(` ${name}="([^"]*)"`)) ?? [])[1];
      values[attribute('name')] = text(attribute('value') ?? '');
    }
    return { action: text(form[1]), values };
  };
  /** Submits the page's form with these values (and the button's name and value among them). */
  self.submit = (values) => {
    const { action, values: own } = self.fields();
    return self.open(new URL(action, self.page.url), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...own, ...values }).toString(),
    });
  };
  self.signIn = (username = 'ann', password = 'ann-secret') => self.submit({ username, password, step: 'login' });
  self.allow = () => self.submit({ step: 'allow' });
  return self;
}
