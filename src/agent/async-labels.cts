/**
 * --async-labels: lowers the async functions of the program's own scripts as they are loaded. CommonJS everywhere; ES modules where Node has hooks
 * for them in the same thread (22.15 and later). Packages in node_modules stay as they are.
 */
import moduleFile = require('node:module');
import path = require('node:path');
import url = require('node:url');
import stepsFile = require('./async-steps.cjs');
import lowerFile = require('./lower-async.cjs');
import passThrough = require('./pass-through.cjs');

import type { LineFile } from './types.cjs';

type Tags = Parameters<typeof stepsFile.createAsyncSteps>[0];
type Load = (url: string, context: object, nextLoad: (url: string, context: object) => LoadResult) => LoadResult;

interface LoadResult {
  readonly format?: string;
  readonly source?: string | Uint8Array | null;
}

/** Of this installation: the API need not be lowered. */
const OWN_PACKAGE = path.resolve(__dirname, '..') + path.sep;
const decoder = new TextDecoder('utf-8', { fatal: true });
const { fileURLToPath } = url;

function lowerProgram(lines: LineFile, tagsNow: Tags): void {
  const steps = Object.freeze(stepsFile.createAsyncSteps(tagsNow));
  Object.defineProperty(globalThis, Symbol.for(lowerFile.KEY), { value: steps });

  function lower(script: string, file: string, source: string, type: 'module' | 'script'): string {
    if (file.includes('/node_modules/') || file.startsWith(OWN_PACKAGE)) return source;
    const lowered = lowerFile.lowerAsync(source, type);
    if (lowered === undefined) return source;
    lines.write('lowered', { script, edits: lowered.edits.flat() });
    return lowered.text;
  }

  passThrough.callWith(moduleFile.Module.prototype, '_compile', (args) => {
    const [content, file, format, ...rest] = args;
    const isOther = format !== undefined && format !== 'commonjs';
    if (isOther || typeof content !== 'string' || typeof file !== 'string') return args;
    return [lower(file, file, content, 'script'), file, format, ...rest].slice(0, args.length);
  });

  const load: Load = (address, context, nextLoad) => {
    const result = nextLoad(address, context);
    const { format, source } = result;
    if (format !== 'module' || !address.startsWith('file:') || source === undefined || source === null) return result;
    try {
      const text = typeof source === 'string' ? source : decoder.decode(source);
      const script = address.replace(/[?#].*$/, '');
      return { ...result, source: lower(address, fileURLToPath(script), text, 'module') };
    } catch {
      return result; // not UTF-8, or no path: as it is
    }
  };
  const { registerHooks } = moduleFile as { registerHooks?: (hooks: { load: Load }) => void };
  if (registerHooks !== undefined) {
    registerHooks({ load });
    return;
  }
  const message =
    "async functions of ES modules keep V8's objects without an arena after an await: this needs Node 22.15";
  lines.write('warning', { code: 'ASYNC_LABELS_COMMONJS', message });
}

export = { lowerProgram };
