import { COMM_BYTES, COUNTERS, HEADER } from '../recording/wire.js';

const ALLOCATORS = ['other', 'glibc', 'jemalloc', 'mimalloc', 'tcmalloc'] as const;
const LIBCS = ['unknown', 'glibc', 'musl'] as const;

/** What a store's header says about its process. */
export interface Header {
  readonly pid: number;
  readonly parentPid: number;
  readonly forked: boolean;
  readonly comm: string;
  readonly libc: (typeof LIBCS)[number];
  readonly allocator: (typeof ALLOCATORS)[number];
  /** 0 no V8, 1 layout known, 2 layout unknown. */
  readonly v8State: number;
  /** The same moment on both clocks. */
  readonly startedMonoNs: bigint;
  readonly startedUnixNs: bigint;
  readonly meanBytes: number;
  readonly currentMeanBytes: number;
  /** 0 while the process ran. */
  readonly frozenAtNs: bigint;
  readonly v8Version: string;
  /** Memory of the sampler's own in the process, at most; 0 in older recordings. */
  readonly ownBytes: number;
  readonly counters: Readonly<Record<(typeof COUNTERS)[number], number>>;
}

/** Reads the 4,096 bytes of a HEADER chunk. */
export function readHeader(bytes: Buffer): Header {
  const version = [HEADER.v8Major, HEADER.v8Minor, HEADER.v8Build].map((at) => bytes.readUInt16LE(at));
  const counters = Object.fromEntries(
    COUNTERS.map((name, index) => [name, Number(bytes.readBigUInt64LE(HEADER.counters + index * 8))]),
  ) as Record<(typeof COUNTERS)[number], number>;
  return {
    pid: bytes.readUInt32LE(HEADER.pid),
    parentPid: bytes.readUInt32LE(HEADER.parentPid),
    forked: bytes.readUInt32LE(HEADER.forked) !== 0,
    comm: bytes.toString('utf8', HEADER.comm, HEADER.comm + COMM_BYTES).replace(/\0.*$/s, ''),
    libc: LIBCS[bytes.readUInt8(HEADER.libc)] ?? 'unknown',
    allocator: ALLOCATORS[bytes.readUInt8(HEADER.allocator)] ?? 'other',
    v8State: bytes.readUInt8(HEADER.v8State),
    startedMonoNs: bytes.readBigUInt64LE(HEADER.startedMonoNs),
    startedUnixNs: bytes.readBigUInt64LE(HEADER.startedUnixNs),
    meanBytes: Number(bytes.readBigUInt64LE(HEADER.meanBytes)),
    currentMeanBytes: Number(bytes.readBigUInt64LE(HEADER.currentMeanBytes)),
    frozenAtNs: bytes.readBigUInt64LE(HEADER.frozenAtNs),
    v8Version: version[0] === 0 ? '' : version.join('.'),
    ownBytes: Number(bytes.readBigUInt64LE(HEADER.ownBytes)),
    counters,
  };
}
