import type { GateReport } from '../model/gate.js';
import { writeGateJson } from './gate-json.js';
import { writeGateJunit } from './gate-junit.js';
import { writeGateMarkdown } from './gate-markdown.js';
import { writeGateSarif } from './gate-sarif.js';
import { writeGateText } from './gate-text.js';
import type { Paint } from './options.js';

export const GATE_FORMATS = {
  text: writeGateText,
  json: writeGateJson,
  junit: writeGateJunit,
  sarif: writeGateSarif,
  markdown: writeGateMarkdown,
} as const satisfies Record<string, (report: GateReport, paint: Paint) => string>;
export type GateFormat = keyof typeof GATE_FORMATS;
