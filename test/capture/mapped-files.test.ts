import { expect, test } from 'vitest';
import { mapsLargeFile, recordedLines, recordedPaths } from '../../src/capture/mapped-files.ts';
import { parseSmaps } from '../../src/capture/smaps.ts';
import { EVENT, EVENT_TYPE, HEAP } from '../../src/recording/wire.ts';

test('of the maps, code and large files are recorded: no small file, no memory without a name, not the store', () => {
  const code = '00400000-00401000 r-xp 00000000 08:01 17   /opt/prog';
  const model = '7f0000000000-7f0000200000 r--s 00000000 08:01 18   /models/a b.gguf';
  const others = [
    '00401000-00402000 r--p 00001000 08:01 17   /opt/prog',
    '7f0001000000-7f0009000000 rw-p 00000000 00:00 0',
    '7f0011000000-7f0019000000 rw-p 00000000 00:00 0   [heap]',
    '7f0021000000-7f0029000000 rw-s 00000000 00:01 9   /dev/shm/memprof-1/4711.0.store',
    'nonsense',
    '',
  ];
  expect(recordedLines([...others, code, ...others, model].join('\n'))).toBe(`${code}\n${model}`);
});

test('of a reading the names of small files are left away, but for what tells the kind of memory', () => {
  const map = parseSmaps(
    [
      '00400000-00401000 r-xp 00000000 08:01 17   /opt/prog',
      '00401000-00402000 r--p 00001000 08:01 17   /opt/prog',
      '7f0000000000-7f0000200000 r--s 00000000 08:01 18   /models/a b.gguf',
      '7f0000200000-7f0000201000 r--s 00000000 08:01 19   /home/me/secret.txt',
      '7f0000300000-7f0000301000 rw-s 00000000 00:01 20   /dev/shm/secret',
      '7f0000400000-7f0000401000 rw-s 00000000 00:01 21   /memfd:secret (deleted)',
      '7f0011000000-7f0019000000 rw-p 00000000 00:00 0   [heap]',
      '7f0021000000-7f0029000000 rw-s 00000000 00:01 9   /dev/shm/memprof-1/4711.0.store (deleted)',
      '',
    ].join('\n'),
  );
  expect(recordedPaths(map)).toEqual([
    '/opt/prog',
    '/models/a b.gguf',
    '',
    '/dev/shm/',
    '/memfd:',
    '[heap]',
    '/memprof-1/4711.0.store (deleted)',
  ]);
});

function event(fields: { type: number; heap: number; size: number }): Buffer {
  const record = Buffer.alloc(EVENT.bytes);
  record.writeUInt16LE(fields.type, EVENT.type);
  record.writeUInt16LE(fields.heap, EVENT.heap);
  record.writeBigUInt64LE(BigInt(fields.size), EVENT.size);
  return record;
}

test('a large file that was mapped is seen in the events', () => {
  const small = event({ type: EVENT_TYPE.commit, heap: HEAP.file, size: 4096 });
  const memory = event({ type: EVENT_TYPE.commit, heap: HEAP.mmap, size: 1 << 30 });
  const gone = event({ type: EVENT_TYPE.decommit, heap: HEAP.file, size: 1 << 30 });
  const large = event({ type: EVENT_TYPE.commit, heap: HEAP.file, size: 1 << 20 });
  expect(mapsLargeFile(Buffer.concat([small, memory, gone]))).toBe(false);
  expect(mapsLargeFile(Buffer.concat([small, large, gone]))).toBe(true);
  expect(mapsLargeFile(large.subarray(0, 40))).toBe(false);
});
