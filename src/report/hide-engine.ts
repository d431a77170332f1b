import type { Frame } from '../model/frames.js';

/**
 * A call path without the frames that are the same in every Node program: the loop and the callbacks above the program's first
 * JavaScript, and V8's and Node's own code between one JavaScript function and the next, or between it and what it called in an
 * addon. A path without JavaScript stays whole. Leaf first, in and out.
 * @param mainModule path of the program's binary: Node, with V8 in it.
 */
export function hideEngine(frames: readonly Frame[], mainModule: string): Frame[] {
  const outermost = frames.findLastIndex((frame) => frame.kind === 'js' && !frame.file.startsWith('node:'));
  if (outermost === -1) return [...frames];
  const isEngine = ({ kind, module }: Frame): boolean =>
    kind === 'runtime' || (kind === 'native' && module === mainModule);
  return frames.slice(0, outermost + 1).filter((frame) => !isEngine(frame));
}
