/** The streaming server under load: CPU time of the server, and the latencies that its clients see. */
import { once } from 'node:events';
import http from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { measuredWhile, ROOT } from '../lib/process.mjs';
import { interleave } from '../lib/rounds.mjs';
import { quantile, ratios, summarize } from '../lib/statistics.mjs';
import { withSpread } from '../lib/table.mjs';
import { programComparison } from './programs.mjs';
import { underMemprof } from './rivals.mjs';

const CONNECTIONS = 4;
const TOKENS = 24;

export async function serverSections({ rounds, requests, target }) {
  const server = [process.execPath, join(ROOT, 'fixtures/workloads/sse-server.mjs')];
  const run = (wrap) => measuredWhile(server, (child) => drive(child, requests), { wrap });
  const results = await interleave({ plain: () => run(), memprof: () => run(underMemprof) }, { rounds });
  return [
    programComparison({ id: 'server', title: `SSE server, ${requests} answers of ${TOKENS} tokens`, target, results }),
    latencySection(results),
  ];
}

/** Sends the requests over a few connections, then ends the server; the time to the first byte and to the end of each answer, in ms. */
async function drive(child, requests) {
  const [line] = await once(createInterface(child.stdout), 'line');
  const url = `${/http:\S+/.exec(line)[0]}/generate?prompt=the+river&tokens=${TOKENS}`;
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const [firstMs, wholeMs] = [[], []];
  let sent = 0;
  const client = async () => {
    while (sent++ < requests) {
      const startedAt = performance.now();
      const [response] = await once(http.get(url, { agent }), 'response');
      firstMs.push(performance.now() - startedAt);
      let body = '';
      for await (const chunk of response.setEncoding('utf8')) body += chunk;
      wholeMs.push(performance.now() - startedAt);
      if (!body.endsWith('[DONE]\n\n')) throw new Error(`an answer was cut: ${body.slice(-80)}`);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  agent.destroy();
  child.kill('SIGTERM');
  return { firstMs, wholeMs };
}

function latencySection(results) {
  const data = [];
  const kinds = { firstMs: 'first byte', wholeMs: 'whole answer' };
  for (const [key, name] of Object.entries(kinds)) {
    for (const q of [0.5, 0.99]) {
      const perRound = (side) => results[side].map((result) => quantile(result[key], q));
      const pooled = (side) =>
        quantile(
          results[side].flatMap((result) => result[key]),
          q,
        );
      const noise = summarize(perRound('plain'));
      data.push({
        name: `${name}, p${100 * q}`,
        plainMs: pooled('plain'),
        memprofMs: pooled('memprof'),
        ratio: summarize(ratios(perRound('memprof'), perRound('plain'))),
        noise: { low: noise.low / noise.median, high: noise.high / noise.median },
      });
    }
  }
  return {
    id: 'server-latency',
    title: 'SSE server: latency',
    columns: ['', 'plain ms', 'memprof ms', 'ratio of rounds', 'plain against itself'],
    rows: data.map(({ name, plainMs, memprofMs, ratio, noise }) => [
      name,
      plainMs.toFixed(1),
      memprofMs.toFixed(1),
      withSpread(ratio),
      `${noise.low.toFixed(2)}-${noise.high.toFixed(2)}`,
    ]),
    notes: ['the last column is the noise: first and last decile of the rounds without memprof, over their median'],
    data,
  };
}
