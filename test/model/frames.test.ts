import { describe, expect, it } from 'vitest';
import { baseName, frameReader, framesOf } from '../../src/model/frames.ts';
import type { Location } from '../../src/model/profile.ts';
import { js, makeProfile, native } from '../helpers/profiles.ts';

describe('framesOf', () => {
  const profile = makeProfile([
    { stack: [js('outer', 'src/a.ts', 7), js('', 'src/b.ts', 9), native('f', '/lib/libx.so.1')], values: [1, 1, 1, 1] },
  ]);
  const [leafId = 0, anonymousId = 0, outerId = 0] = profile.samples[0]?.stack ?? [];
  const locationOf = (id: number): Location => {
    const location = profile.locations.get(id);
    if (!location) throw new Error(`no location ${id}`);
    return location;
  };

  it('shows a location without a symbol by its module and the offset in the file', () => {
    const location = { ...locationOf(leafId), lines: [] };
    const mapping = profile.mappings.find(({ id }) => id === location.mappingId);
    const offset = location.address - (mapping?.start ?? 0n) + 0x1000n;
    const mappings = profile.mappings.map((known) => ({ ...known, fileOffset: 0x1000n }));
    expect(framesOf({ ...profile, mappings }, location)).toEqual([
      {
        name: `libx.so.1+0x${offset.toString(16)}`,
        file: '',
        line: 0,
        column: 0,
        kind: 'native',
        module: '/lib/libx.so.1',
      },
    ]);
    const [bare] = framesOf(profile, { ...location, mappingId: 0, address: 0x7f01n });
    expect(bare?.name).toBe('0x7f01');
  });

  it('spells inlined functions out, the innermost first', () => {
    const { lines } = locationOf(leafId);
    const location = { ...locationOf(outerId), lines: [...lines, ...locationOf(outerId).lines] };
    expect(framesOf(profile, location).map(({ name }) => name)).toEqual(['f', 'outer']);
    const inlined = { ...profile, locations: new Map(profile.locations).set(outerId, location) };
    const [sample] = inlined.samples;
    expect(sample && frameReader(inlined)(sample).map(({ name }) => name)).toEqual(['f', '(anonymous)', 'f', 'outer']);
  });

  it('names what has no name', () => {
    expect(framesOf(profile, locationOf(anonymousId))[0]).toMatchObject({
      name: '(anonymous)',
      file: 'src/b.ts',
      line: 9,
    });
    const lost = { ...locationOf(leafId), lines: [{ functionId: 4_711, line: 0, column: 0 }] };
    expect(framesOf(profile, lost)[0]?.name).toBe('(unknown)');
  });

  it('shows a sample without a stack as such', () => {
    const empty = makeProfile([{ stack: [], values: [1, 1, 1, 1] }]);
    const [sample] = empty.samples;
    expect(sample && frameReader(empty)(sample).map(({ name }) => name)).toEqual(['(no stack)']);
  });
});

it('baseName is the last part of a path', () => {
  expect(['/usr/bin/node', 'node', '/'].map(baseName)).toEqual(['node', 'node', '']);
});
