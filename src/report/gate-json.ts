import type { GateReport } from '../model/gate.js';

/** Raised when a field of the file changes its meaning or goes away. */
export const GATE_REPORT_VERSION = 1;

/** The decision as it is: what every other format is made from. */
export function writeGateJson(report: GateReport): string {
  return `${JSON.stringify({ version: GATE_REPORT_VERSION, ...report }, undefined, 2)}\n`;
}
