import type { LedgerInputs, LedgerOwner, SampledOwner } from '../model/ledger.js';
import type { Labels } from '../model/profile.js';
import { PIECE_KINDS, type PieceRow } from '../recording/ledger.js';
import { ARENA_MMAPPED, HEAP } from '../recording/wire.js';
import { sampledLiveOf } from './sampled-live.js';
import { readSnapshot, type SiteRecord } from './snapshot.js';
import { liveBlocks } from './snapshot-blocks.js';
import { type AddressRange, mappingsOf } from './snapshot-mappings.js';

/** What a site's memory is for, as the profile says; undefined where it is in no sample. */
export type SiteNamer = (site: SiteRecord, index: number) => Labels | undefined;

/** What the sampler's tables say at a snapshot. */
export interface SampledTables {
  /** When the snapshot was taken. */
  readonly timeNs: bigint;
  /** What the program mapped itself. */
  readonly mapped: readonly AddressRange[];
  readonly live: NonNullable<LedgerInputs['sampledLive']>;
  /** Of blocks in the allocator's heaps, the largest first. Other allocators than glibc's have all blocks there. */
  readonly liveOwners: readonly SampledOwner[];
  /** Samples of blocks that malloc mapped on their own, by address. */
  readonly blocks: readonly Block[];
}

interface Block {
  readonly address: number;
  readonly owner: string;
}

const CHUNK = PIECE_KINDS.indexOf('chunk');

/** @param isGlibc whether it is known which blocks are in heaps, and which were mapped on their own. */
export function readSampledTables(
  payload: Buffer,
  timeNs: bigint,
  nameSite: SiteNamer,
  isGlibc: boolean,
): SampledTables {
  const content = readSnapshot(payload);
  const { sites, inUse } = content;
  const heapOwners = new Map<string, SampledOwner>();
  const keys = new Map<number, string>();

  function ownerKey(index: number): string {
    let key = keys.get(index);
    if (key === undefined) {
      const site = sites[index];
      key = keyOf(site && nameSite(site, index));
      keys.set(index, key);
    }
    return key;
  }

  for (const [index, use] of inUse) {
    const site = sites[index];
    if (site?.heap !== HEAP.malloc || (isGlibc && site.arena === ARENA_MMAPPED)) continue;
    const key = ownerKey(index);
    const before = heapOwners.get(key) ?? NOTHING;
    heapOwners.set(key, {
      ...ownerOf(key),
      bytes: before.bytes + use.bytes,
      bytesVariance: before.bytesVariance + use.bytesVariance,
    });
  }
  const blocks: Block[] = liveBlocks(payload, (index) => sites[index]?.arena === ARENA_MMAPPED).map(
    ({ address, site }) => ({ address, owner: ownerKey(site) }),
  );

  return {
    mapped: mappingsOf(payload),
    timeNs,
    live: sampledLiveOf(content),
    liveOwners: [...heapOwners.values()].sort((a, b) => b.bytes - a.bytes),
    blocks,
  };
}

const NOTHING = { bytes: 0, bytesVariance: 0 };

/**
 * Whose the blocks are that malloc mapped on their own: resident bytes by the addresses of samples. A block lies behind the header of its
 * chunk.
 * @param tables of the snapshots before and after: a block may be missing in one of them.
 */
export function ownersOfPieces(pieces: readonly PieceRow[], tables: readonly SampledTables[]): LedgerOwner[] {
  const blocks = tables.flatMap((one) => one.blocks).sort((a, b) => a.address - b.address);
  const bytes = new Map<string, number>();
  let next = 0;
  for (const [start, size, kind, rssBytes] of [...pieces].sort((a, b) => a[0] - b[0])) {
    if (kind !== CHUNK) continue;
    while ((blocks[next]?.address ?? Number.POSITIVE_INFINITY) <= start) next++;
    const block = blocks[next];
    const key = block !== undefined && block.address < start + size ? block.owner : keyOf(undefined);
    bytes.set(key, (bytes.get(key) ?? 0) + rssBytes);
  }
  return [...bytes].map(([key, sum]) => ({ ...ownerOf(key), bytes: sum })).sort((a, b) => b.bytes - a.bytes);
}

/** The region of the allocator does not say what memory is for. */
function keyOf(labels: Labels | undefined): string {
  if (labels === undefined || labels.arena_source === 'allocator' || labels.arena_source === undefined) return '\0';
  return `${labels.pool ?? ''}\0${labels.arena ?? ''}`;
}

function ownerOf(key: string): Pick<LedgerOwner, 'pool' | 'arena'> {
  const [pool = '', arena = ''] = key.split('\0');
  return { pool, arena };
}
