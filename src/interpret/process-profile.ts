import type { ProfileBuilder } from '../model/builder.js';
import type { LedgerInputs } from '../model/ledger.js';
import type { Mark } from '../model/moments.js';
import type { Gauge, Labels, Moment, Notice, ProcessInfo, Values } from '../model/profile.js';
import type { Recogniser } from '../model/recognise.js';
import type { Symbols } from '../recording/chunks.js';
import type { Manifest } from '../recording/manifest.js';
import { HEAP } from '../recording/wire.js';
import { type ArenaLives, arenaLives } from './arena-lives.js';
import { lastTime, toUnixNs } from './clock.js';
import type { Collections } from './collections.js';
import { gaugesOf } from './gauges.js';
import { createLedgerReader } from './ledger-process.js';
import { marksOf } from './marks.js';
import { indexModules } from './modules.js';
import { inUseAt, peakOf } from './moment.js';
import { noticesOf } from './notices.js';
import { findOwnCode } from './own-code.js';
import type { ProcessRecording } from './process-recording.js';
import { requestGauges } from './request-gauge.js';
import { createRuleLabeller } from './rule-labels.js';
import { createSiteLabeller } from './site-labels.js';
import { isSampledHeap, type SiteUse } from './site-use.js';
import type { SiteRecord } from './snapshot.js';
import { createStackReader, type Stack } from './stacks.js';
import { indexSymbols } from './symbols.js';
import { ownerOfMapping } from './v8-pages.js';
import { addV8Samples } from './v8-samples.js';

/** What one process brings to a profile besides its samples. */
export interface ProcessResult {
  readonly process: ProcessInfo;
  readonly gauges: readonly Gauge[];
  readonly collections: Collections;
  readonly marks: readonly Mark[];
  readonly notices: readonly Notice[];
  readonly hasV8Samples: boolean;
  readonly lives: ArenaLives;
  /** At the highest RSS and at the end, where it was read. */
  readonly ledgers: readonly LedgerInputs[];
  /** ns since the Unix epoch; 0 if unknown. */
  readonly startedAtNs: bigint;
  readonly endedAtNs: bigint;
}

const NOTHING: SiteUse = { objects: 0, bytes: 0, objectsVariance: 0, bytesVariance: 0, observations: 0 };

/**
 * Adds the samples of one process to a profile.
 * @throws MemprofError NO_SUCH_MOMENT.
 */
export function addProcess(
  builder: ProfileBuilder,
  recording: ProcessRecording,
  manifest: Manifest | undefined,
  moment: Moment,
  symbolsOf: (recording: ProcessRecording) => Symbols,
  recogniser?: Recogniser,
): ProcessResult {
  const { header, identity } = recording;
  const notices = noticesOf(recording, manifest?.settings.native ?? true);
  const pid = identity.pid;
  const now = inUseAt(recording, moment);
  notices.push(...now.notices.map((notice) => ({ ...notice, pid })));

  const symbols = indexSymbols(symbolsOf(recording));
  const modules = indexModules(recording.tables);
  const ownCode = findOwnCode(recording.mapLines);
  const stacks = createStackReader(builder, { tables: recording.tables, modules, symbols, ownCode, recogniser });
  const labelByRule = createRuleLabeller(recogniser);
  const labeller = createSiteLabeller(recording);

  const hasNative = header !== undefined;
  const v8 = addV8Samples(builder, recording, {
    moment,
    timeNs: now.timeNs,
    dropExternal: hasNative,
    symbols,
    ownCode,
    recogniser,
    labelByRule,
  });
  notices.push(...v8.notices);
  let v8PagesBytes = 0;
  let codeRangeBytes = 0;

  /** By the names of the mapped files, where those were seen in time and say the same of all files of a site. */
  function labelByRules(labels: Labels, stack: Stack, site: SiteRecord | undefined, index: number): Labels {
    const ranges = site?.heap === HEAP.file ? recording.use.filesOf(index) : [];
    const files = new Set(ranges.map(({ start, end }) => recording.mapLines.fileIn(start, end)));
    const results = new Set([...files].map((file) => labelByRule(labels, stack.rules, file)));
    const [result = labels] = results;
    return results.size === 1 ? result : labelByRule(labels, stack.rules);
  }

  /** Returns the labels of the sample; undefined if there is none. */
  function addSite(site: SiteRecord | undefined, use: SiteUse, index = -1): Labels | undefined {
    const stack = stacks.read(site?.node ?? 0);
    let labels: Labels = labeller.labels(site);
    if (site?.heap === HEAP.mmap) {
      const owner = ownerOfMapping(stacks.systemNames(site.node));
      // From V8 13 on it is mapped as a whole, readable, writable and executable, and hardly touched: addresses, not memory.
      if (owner === 'v8:code_range') {
        codeRangeBytes += use.bytes;
        return undefined;
      }
      if (owner === 'v8:pages' && v8.hasSamples) {
        v8PagesBytes += use.bytes;
        return undefined;
      }
      if (owner !== undefined) {
        labels = ownedByV8(labels, owner);
      }
    }
    if (stack.isOurs) return undefined;
    labels = labelByRules(labels, stack, site, index);
    const values: Values = [site?.allocObjects ?? 0, site?.allocBytes ?? 0, use.objects, use.bytes];
    if (values.every((value) => value === 0)) return undefined;
    builder.addSample({
      stack: stack.locations,
      values,
      variances: [
        site?.allocObjectsVariance ?? 0,
        site?.allocBytesVariance ?? 0,
        use.objectsVariance,
        use.bytesVariance,
      ],
      labels,
      observations: site !== undefined && isSampledHeap(site.heap) ? Math.max(site.samples, use.observations) : 0,
    });
    return labels;
  }

  const labels = now.sites.map((site, index) => addSite(site, now.inUse.get(index) ?? NOTHING, index));
  for (const [index, use] of now.inUse) if (index >= now.sites.length) addSite(undefined, use);
  if (v8PagesBytes > 0) v8.addPages(v8PagesBytes);
  const frozenAtNs = header?.frozenAtNs ?? 0n;
  const endedAtNs = lastTime(recording);
  const lives = arenaLives(recording, {
    sites: now.sites,
    labels,
    inUse: () => inUseAt(recording, 'end').inUse,
    endedAtNs: frozenAtNs > 0n ? toUnixNs(recording, frozenAtNs) : endedAtNs,
  });
  notices.push(...lives.notices);

  const ledgers = createLedgerReader(recording, (_site, index) => labels[index]);
  const collections = recording.collections.read(pid, (timeNs) => toUnixNs(recording, timeNs));
  const process = describe(recording, manifest, v8.intervalBytes, codeRangeBytes);
  return {
    process,
    gauges: [
      ...gaugesOf(recording, codeRangeBytes),
      ...requestGauges(recording),
      ...collections.gauges,
      ...lives.gauges,
    ],
    marks: marksOf(recording, lives.arenas, process.peakTimeNs),
    collections,
    notices,
    hasV8Samples: v8.hasSamples,
    lives,
    ledgers: [ledgers.peak(), ledgers.end()].filter((one) => one !== undefined),
    startedAtNs: header?.startedUnixNs ?? 0n,
    endedAtNs,
  };
}

/** V8's pages are nobody's in particular, whoever made V8 map them; a WebAssembly memory belongs to who made it. */
function ownedByV8(labels: Labels, owner: string): Labels {
  if (owner !== 'v8:pages' && labels.pool !== undefined) return { ...labels, heap: 'wasm' };
  const { pool, stage, label, ...rest } = labels;
  const place = { heap: owner === 'v8:pages' ? 'v8' : 'wasm', arena: owner, arena_source: 'allocator' } as const;
  return owner === 'v8:pages' ? { ...rest, ...place } : { ...labels, ...place };
}

function describe(
  recording: ProcessRecording,
  manifest: Manifest | undefined,
  v8IntervalBytes: number,
  codeRangeBytes: number,
): ProcessInfo {
  const { header, identity } = recording;
  const hello = recording.agentLines.find((line) => line.type === 'hello');
  const peak = peakOf(recording);
  const isNative = header !== undefined && (manifest?.settings.native ?? true);
  return {
    pid: identity.pid,
    parentPid: identity.parentPid,
    name: identity.name,
    ...(hello?.node && { nodeVersion: hello.node }),
    ...((hello?.v8 || header?.v8Version) && { v8Version: hello?.v8 || (header?.v8Version ?? '') }),
    allocator: header?.allocator ?? 'other',
    libc: header?.libc ?? 'unknown',
    forked: identity.forked,
    nativeMeanBytes: isNative ? header.meanBytes : 0,
    nativeMeanAtEndBytes: isNative ? header.currentMeanBytes : 0,
    v8IntervalBytes,
    ...(isNative && header.ownBytes > 0 && { samplerBytes: header.ownBytes }),
    counters: { ...header?.counters, lost_events: recording.lostEvents },
    peakBytes: Math.max(0, peak.bytes - codeRangeBytes),
    peakTimeNs: peak.bytes > 0 ? toUnixNs(recording, peak.timeNs) : 0n,
  };
}
