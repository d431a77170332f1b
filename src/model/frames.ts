import type { Location, LocationKind, Profile, Sample } from './profile.js';

/** One line of a call path as people read it: a location spelled out. `line` is 1-based, 0 where unknown; `module` is '' for JavaScript. */
export interface Frame {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly kind: LocationKind;
  /** Path of the binary that the code lies in. */
  readonly module: string;
  /** The call is near the line, not surely on it. */
  readonly approximate?: true;
}

/** Last component of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly approximate?: true | undefined;
}

/** `file:line`, `file:~line` where the line is approximate, `file` where there is none; '' without a file. */
export function placeOf({ file, line, approximate }: Place): string {
  if (file === '' || line <= 0) return file;
  return `${file}:${approximate ? '~' : ''}${line}`;
}

/** The frames of one location, the innermost inlined function first; a location without a symbol is `module+0xoffset`. */
export function framesOf(profile: Profile, location: Location): Frame[] {
  const mapping =
    location.mappingId === 0 ? undefined : profile.mappings.find((candidate) => candidate.id === location.mappingId);
  const module = mapping?.file ?? '';
  if (location.lines.length === 0) {
    const offset = mapping ? location.address - mapping.start + mapping.fileOffset : location.address;
    const name = `${mapping ? `${baseName(module)}+` : ''}0x${offset.toString(16)}`;
    return [{ name, file: '', line: 0, column: 0, kind: location.kind, module }];
  }
  return location.lines.map((line) => {
    const fn = profile.functions.get(line.functionId);
    return {
      name: fn?.name || fn?.systemName || (location.kind === 'js' ? '(anonymous)' : '(unknown)'),
      file: fn?.file ?? '',
      line: line.line,
      column: line.column,
      kind: location.kind,
      module,
      ...(location.approximate && { approximate: true }),
    };
  });
}

/** What stands for a call path that has no frames. */
export const NO_STACK: Frame = { name: '(no stack)', file: '', line: 0, column: 0, kind: 'synthetic', module: '' };

/** The frames of a location by its id, none for an id that the profile does not have. */
export type FramesOfLocation = (id: number) => readonly Frame[];

/** Spells out each location once: the frames of one location are the same objects each time. */
export function locationReader(profile: Profile): FramesOfLocation {
  // As long as it will be: one that is filled from far behind its end would be a hash table to V8.
  const known = new Array<Frame[] | undefined>(profile.locations.size + 1);
  return (id) => {
    let frames = known[id];
    if (frames === undefined) {
      const location = profile.locations.get(id);
      frames = location ? framesOf(profile, location) : [];
      known[id] = frames;
    }
    return frames;
  };
}

/** Spells out call paths. Returns frames leaf first, `(no stack)` for none. */
export function frameReader(profile: Profile): (sample: Sample) => Frame[] {
  const framesAt = locationReader(profile);
  return ({ stack }) => {
    if (stack.length === 0) return [NO_STACK];
    // Most locations are one frame: an array that grows by pushes is allocated three times.
    const path = new Array<Frame>(stack.length);
    let length = 0;
    for (const id of stack) for (const frame of framesAt(id)) path[length++] = frame;
    path.length = length;
    return path;
  };
}
