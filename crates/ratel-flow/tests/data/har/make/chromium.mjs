// Has Chromium's own developer tools write an HTTP archive of exchanges with a server that is made here. Each of them is
// there for something that archives get wrong: forms, bytes that are no text, compression, redirects, bodies that end
// early, servers that cannot be reached, WebSockets.
//
//   node --experimental-websocket chromium.mjs OUT.har [BROWSER]
//
// `recorded.har` beside this folder was made so, with Chromium 156; the server was at 127.0.0.1:44349.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [, , out, browser = 'chromium'] = process.argv;

const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const page = `<!doctype html><title>page</title><img src="/pixel.png"><script>
const done = (async () => {
  await fetch('/form', { method: 'POST', body: new URLSearchParams({ a: 'b c', ü: '€' }) });
  await fetch('/json?x=1&x=2', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"ü": [1]}' });
  await fetch('/bytes', { method: 'POST', body: new Uint8Array([0, 255, 254, 10]) });
  const data = new FormData(); data.append('file', new Blob(['text'], { type: 'text/plain' }), 'a.txt');
  await fetch('/multipart', { method: 'POST', body: data });
  await fetch('/gzip'); await fetch('/redirect'); await fetch('/empty'); await fetch('/missing');
  await fetch('/cut').then(r => r.text()).catch(() => {});
  await fetch('http://127.0.0.1:1/').catch(() => {});
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/socket');
  socket.onopen = () => { socket.send('hello'); socket.send(new Uint8Array([0, 255])); };
  let received = 0;
  socket.onmessage = () => { if (++received == 2) socket.close(1000, 'bye'); };
  await new Promise(resolve => { socket.onclose = resolve; });
})();
</script>`;

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const answer = (status, headers, body = '') => { response.writeHead(status, headers); response.end(body); };
    switch (request.url) {
      case '/': return answer(200, { 'content-type': 'text/html; charset=utf-8', 'set-cookie': ['a=1; HttpOnly', 'b=2; Path=/; SameSite=Lax'] }, page);
      case '/pixel.png': return answer(200, { 'content-type': 'image/png' }, pixel);
      case '/gzip': return answer(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }, gzipSync('{"text": "' + 'ä'.repeat(500) + '"}'));
      case '/redirect': return answer(302, { location: '/empty' });
      case '/empty': return answer(204, {});
      case '/missing': return answer(404, { 'content-type': 'text/plain' }, 'not here');
      case '/cut': response.writeHead(200, { 'content-type': 'text/plain', 'content-length': 100 }); response.write('half'); return setTimeout(() => response.destroy(), 50);
      default: return answer(200, { 'content-type': 'text/plain', 'x-bytes': 'caf\u00e9' }, 'ok');
    }
  });
});
server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${createHash('sha1').update(key).digest('base64')}\r\n\r\n`);
  socket.write(Buffer.concat([Buffer.from([0x81, 5]), Buffer.from('there'), Buffer.from([0x82, 2, 255, 0])]));
  socket.on('data', data => { if ((data[0] & 15) === 8) socket.end(Buffer.from([0x88, 2, 3, 232])); });
});
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
const chromium = spawn(browser, ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', '--remote-allow-origins=*', `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
const endpoint = await new Promise((resolve, reject) => {
  let text = '';
  chromium.stderr.on('data', data => { text += data; const found = /ws:\/\/[^/]+/.exec(text); if (found) resolve(found[0]); });
  chromium.on('exit', () => reject(new Error(text)));
});
const http = endpoint.replace('ws:', 'http:');

async function session(url) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  let last = 0;
  const waiting = new Map();
  socket.onmessage = ({ data }) => { const message = JSON.parse(data); waiting.get(message.id)?.(message); };
  const send = (method, params = {}) => new Promise(resolve => { waiting.set(++last, resolve); socket.send(JSON.stringify({ id: last, method, params })); });
  const evaluate = async expression => {
    const { result, error } = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (error || result.exceptionDetails) throw new Error(JSON.stringify(error ?? result.exceptionDetails));
    return result.result.value;
  };
  return { send, evaluate };
}
const open = url => fetch(`${http}/json/new?${encodeURIComponent(url)}`, { method: 'PUT' }).then(r => r.json());

try {
  const target = await open('about:blank');
  const tools = await open(`devtools://devtools/bundled/devtools_app.html?ws=${endpoint.slice(5)}/devtools/page/${target.id}&panel=network`);
  const front = await session(tools.webSocketDebuggerUrl);
  const viewed = await session(target.webSocketDebuggerUrl);
  await viewed.send('Page.enable');
  const expression = `(async () => {
    const logs = await import('devtools://devtools/bundled/models/logs/logs.js');
    const sdk = await import('devtools://devtools/bundled/core/sdk/sdk.js');
    for (let i = 0; i < 200 && !sdk.TargetManager.TargetManager.instance().primaryPageTarget(); i++) await new Promise(r => setTimeout(r, 50));
    return !!logs.NetworkLog.NetworkLog.instance();
  })()`;
  for (let i = 0; ; i++) { try { if (await front.evaluate(expression)) break; } catch (e) { if (i > 50) throw e; } await new Promise(r => setTimeout(r, 100)); }
  await new Promise(r => setTimeout(r, 1000));
  await viewed.send('Page.navigate', { url: origin + '/' });
  for (let i = 0; i < 100; i++) { try { await viewed.evaluate('done'); break; } catch { await new Promise(r => setTimeout(r, 100)); } }
  await new Promise(r => setTimeout(r, 500));
  const har = await front.evaluate(`(async () => {
    const logs = await import('devtools://devtools/bundled/models/logs/logs.js');
    const har = await import('devtools://devtools/bundled/models/har/har.js');
    const progress = new Proxy({}, { get: (_, name) => (name === 'canceled' ? false : () => progress), set: () => true });
    let text = '';
    const out = { write: async piece => { text += piece; } };
    await har.Writer.Writer.write(out, logs.NetworkLog.NetworkLog.instance().requests(), { sanitize: false }, progress);
    return text;
  })()`);
  writeFileSync(out, har);
} finally {
  chromium.removeAllListeners('exit');
  chromium.kill();
  server.close(); server.closeAllConnections();
  await new Promise(r => setTimeout(r, 300));
  rmSync(profile, { recursive: true, force: true });
}
process.exit(0);
