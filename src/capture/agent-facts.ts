import type { ManifestNotice } from '../recording/manifest.js';

/** What the capture itself wants to know of an agent line. */
export interface AgentFacts {
  readonly timeUnixNs: bigint;
  readonly notice?: ManifestNotice;
  /** The thread has ended: nothing comes after this line. */
  readonly isLast: boolean;
}

/** Lines longer than this are profiles, which nobody needs to parse here. */
const MAX_PARSED_BYTES = 64 << 10;
const OLDEST_NODE = 20;

/** Looks into the short lines (hello, warning); anything else, and anything that is not JSON, is undefined. */
export function readAgentFacts(line: Buffer): AgentFacts | undefined {
  if (line.length > MAX_PARSED_BYTES) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch {
    return undefined; // kept as it is: the reader of the recording reports it
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const timeUnixNs =
    typeof fields.timeUnixNs === 'string' && /^\d{1,20}$/.test(fields.timeUnixNs) ? BigInt(fields.timeUnixNs) : 0n;
  const notice = noticeOf(fields);
  return { timeUnixNs, isLast: fields.type === 'exit', ...(notice && { notice }) };
}

function noticeOf(fields: Record<string, unknown>): ManifestNotice | undefined {
  const { code, message } = fields;
  if (fields.type === 'warning') {
    return typeof code === 'string' && typeof message === 'string' ? { code, message } : undefined;
  }
  if (fields.type !== 'hello') return undefined;
  const node = typeof fields.node === 'string' ? fields.node : '';
  if (Number.parseInt(node.replace(/^v/, ''), 10) < OLDEST_NODE) {
    return {
      code: 'NODE_TOO_OLD',
      message: `Node ${node} is older than ${OLDEST_NODE}: V8 and JavaScript frames are missing; native samples go on`,
    };
  }
  if (fields.v8Sampler === 'off' && typeof fields.reason === 'string') {
    return { code: 'V8_SAMPLER_OFF', message: `no V8 samples: ${fields.reason}` };
  }
  return undefined;
}
