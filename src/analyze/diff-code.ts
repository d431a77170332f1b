import type { ProfileBuilder } from '../model/builder.js';
import { type Frame, locationReader } from '../model/frames.js';
import type { Line, Location, Profile } from '../model/profile.js';
import { codeSymbol } from './diff-names.js';
import type { Sides } from './diff-rows.js';

/** For a profile: the id that its location has in the difference. */
export type AlignedIds = (profile: Profile) => (locationId: number) => number;

/**
 * Puts the code of all profiles into one: locations with the same code (`codeNames`) become one. Their address and place are those of now.
 * Where now has the code on several lines, it has none in the difference: a sum over lines is on none of them.
 */
export function alignCode({ now, base, codeName }: Sides, builder: ProfileBuilder): AlignedIds {
  const named = new Map<Profile, NamedLocations>();
  for (const profile of [...now, ...base])
    if (!named.has(profile)) named.set(profile, nameLocations(profile, codeName));
  const severalLines = codeOnSeveralLines(now.flatMap((profile) => named.get(profile) ?? []));
  const ids = new Map<string, number>();

  return (profile) => {
    const { names, framesAt } = named.get(profile) ?? nameLocations(profile, codeName);
    const mappingIds = new Map<number, number>([[0, 0]]);
    for (const { id, ...mapping } of profile.mappings) mappingIds.set(id, builder.addMapping(mapping));
    const known: number[] = new Array(profile.locations.size + 1);
    return (locationId) => {
      const found = known[locationId];
      if (found !== undefined) return found;
      const id = idOf(locationId);
      known[locationId] = id;
      return id;
    };

    function idOf(locationId: number): number {
      const name = names.get(locationId) ?? '';
      let id = ids.get(name);
      if (id !== undefined) return id;
      const location = profile.locations.get(locationId);
      if (location === undefined) throw new RangeError(`there is no location ${locationId}`);
      const lines = linesOf(profile, location, framesAt(locationId), severalLines.has(name), builder);
      const { id: _id, ...rest } = location;
      id = builder.addLocation({ ...rest, mappingId: mappingIds.get(rest.mappingId) ?? 0, lines });
      ids.set(name, id);
      return id;
    }
  };

  function linesOf(
    profile: Profile,
    location: Location,
    frames: readonly Frame[],
    isOnSeveralLines: boolean,
    code: ProfileBuilder,
  ): Line[] {
    const [frame] = frames;
    const symbol = location.lines.length === 0 && frame !== undefined ? codeSymbol(codeName(frame)) : undefined;
    if (symbol !== undefined) {
      const functionId = code.addFunction({ name: symbol, systemName: symbol, file: '', startLine: 0 });
      return [{ functionId, line: 0, column: 0 }];
    }
    return location.lines.flatMap(({ functionId, line, column }) => {
      const fn = profile.functions.get(functionId);
      if (fn === undefined) return [];
      const { id: _id, ...info } = fn;
      const place = isOnSeveralLines ? { line: 0, column: 0 } : { line, column };
      return [{ functionId: code.addFunction(info), ...place }];
    });
  }
}

interface NamedLocations {
  readonly names: ReadonlyMap<number, string>;
  readonly framesAt: (id: number) => readonly Frame[];
}

function nameLocations(profile: Profile, codeName: Sides['codeName']): NamedLocations {
  const framesAt = locationReader(profile);
  const names = new Map<number, string>();
  for (const id of profile.locations.keys()) names.set(id, framesAt(id).map(codeName).join('\0'));
  return { names, framesAt };
}

function codeOnSeveralLines(profiles: readonly NamedLocations[]): ReadonlySet<string> {
  const lines = new Map<string, string>();
  const several = new Set<string>();
  for (const { names, framesAt } of profiles) {
    for (const [id, name] of names) {
      const text = framesAt(id)
        .map(({ line }) => line)
        .join(' ');
      const known = lines.get(name) ?? text;
      if (known !== text) several.add(name);
      lines.set(name, known);
    }
  }
  return several;
}
