import type { Symbols } from '../../recording/chunks.js';
import { indexModules } from '../modules.js';
import type { ProcessRecording } from '../process-recording.js';
import { symbolizeNative } from './native.js';

/** Names everything in one process's recording that this machine's files can name. */
export function symbolize(recording: ProcessRecording): Symbols {
  const { tables } = recording;
  const words = new Set<bigint>();
  for (let node = 1; node < tables.nodeCount(); node++) words.add(tables.frame(node));
  return {
    ...symbolizeNative(words, indexModules(tables), recording.mapLines),
    functions: [],
    positions: [],
    scripts: [],
  };
}
