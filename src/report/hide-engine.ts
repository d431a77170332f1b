import type { FramesOfLocation } from '../model/frames.js';

type Owner = 'program' | 'engine' | 'other';

/**
 * Takes out of call paths the frames that are the same in every Node program: the loop and the callbacks above the program's first
 * JavaScript, and V8's and Node's own code between one JavaScript function and the next, or between it and what it called in an
 * addon. A path without JavaScript stays whole. Location ids, leaf first, in and out.
 * @param mainModule path of the program's binary: Node, with V8 in it.
 */
export function engineHider(
  framesOf: FramesOfLocation,
  mainModule: string,
): (stack: readonly number[]) => readonly number[] {
  const owners = new Map<number, Owner>();

  function ownerOf(id: number): Owner {
    let owner = owners.get(id);
    if (owner === undefined) {
      const frames = framesOf(id);
      if (frames.some(({ kind, file }) => kind === 'js' && !file.startsWith('node:'))) owner = 'program';
      else if (frames.some(({ kind, module }) => kind === 'runtime' || (kind === 'native' && module === mainModule)))
        owner = 'engine';
      else owner = 'other';
      owners.set(id, owner);
    }
    return owner;
  }

  return (stack) => {
    const outermost = stack.findLastIndex((id) => ownerOf(id) === 'program');
    if (outermost === -1) return stack;
    return stack.filter((id, index) => index <= outermost && ownerOf(id) !== 'engine');
  };
}
