import type { Frame } from '../model/frames.js';
import { ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE, SAMPLE_TYPES } from '../model/profile.js';
import type { Estimate, SummaryRow, SummarySiteFrame } from '../schema/summary.js';
import type { Group } from './group.js';
import { type Interval, intervals } from './interval.js';
import type { Site } from './site-reader.js';

/** A group as summary.json has it. */
export function row(group: Group): SummaryRow {
  const { site } = group;
  const inuse = pair(group, INUSE_OBJECTS, INUSE_SPACE);
  const alloc = atLeast(pair(group, ALLOC_OBJECTS, ALLOC_SPACE), inuse);
  return {
    name: group.name,
    ...(group.heap !== undefined && { heap: group.heap }),
    alloc_objects: alloc.objects,
    alloc_space: alloc.bytes,
    inuse_objects: inuse.objects,
    inuse_space: inuse.bytes,
    observations: group.observations,
    share: Number(group.share.toFixed(4)),
    ...(site && siteFrames(site)),
  };
}

/** The frames of a site as summary.json has them. */
export function siteFrames({ user, js, callee }: Site): Pick<SummaryRow, 'user' | 'js' | 'callee'> {
  return {
    ...(user && { user: siteFrame(user) }),
    ...(js && { js: siteFrame(js) }),
    ...(callee && { callee: siteFrame(callee) }),
  };
}

const siteFrame = ({ name, file, line, approximate, module }: Frame): SummarySiteFrame => ({
  name,
  file,
  line,
  ...(approximate && { approximate }),
  module,
});

type Column = 0 | 1 | 2 | 3;

/** Objects and bytes of one pair of columns; the interval is that of the sampled part, moved by the measured part. */
function pair(group: Group, objectsColumn: Column, bytesColumn: Column): { objects: Estimate; bytes: Estimate } {
  const { values, variances, exact } = group;
  const sampled = intervals({
    objects: values[objectsColumn] - exact[objectsColumn],
    bytes: values[bytesColumn] - exact[bytesColumn],
    objectsVariance: variances[objectsColumn],
    bytesVariance: variances[bytesColumn],
    unseenBytes: group.unseenBytes,
  });
  return {
    objects: estimate(group, objectsColumn, sampled.objects),
    bytes: estimate(group, bytesColumn, sampled.bytes),
  };
}

type Pair = ReturnType<typeof pair>;

/** What is in use was allocated, also in heaps that do not count allocations. */
function atLeast(alloc: Pair, inuse: Pair): Pair {
  const raise = (unknown: Estimate, least: Estimate): Estimate =>
    unknown.kind === 'unknown' && unknown.low !== null && least.low !== null
      ? { ...unknown, low: Math.max(unknown.low, least.low) }
      : unknown;
  return { objects: raise(alloc.objects, inuse.objects), bytes: raise(alloc.bytes, inuse.bytes) };
}

/** Bytes and objects are whole things: more digits would only look exact. */
function estimate(group: Group, column: Column, sampled: Interval): Estimate {
  const value = group.values[column];
  const low = Math.round(group.exact[column] + sampled.low);
  const high = Math.round(group.exact[column] + sampled.high);
  if (group.unknown.includes(SAMPLE_TYPES[column].type)) {
    // Heaps that do know the column still give a lower bound.
    return { kind: 'unknown', value: null, low: value > 0 ? low : null, high: null };
  }
  // A block that is seen for certain is no measurement of its site: small ones may be there too.
  const isEstimate = group.variances[column] > 0 || group.unseenBytes > 0;
  return { kind: isEstimate ? 'estimated' : 'measured', value: Math.round(value), low, high };
}
