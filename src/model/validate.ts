import type { Profile } from './profile.js';

/**
 * What is wrong with a profile; empty if nothing. The checks are those of pprof's `Profile.CheckValid`
 * (https://github.com/google/pprof/blob/main/profile/profile.go) and ours: finite values, variances that are not negative.
 */
export function findProblems(profile: Profile): string[] {
  const problems: string[] = [];
  const mappingIds = new Set<number>();
  for (const mapping of profile.mappings) {
    if (mapping.id <= 0 || mappingIds.has(mapping.id)) problems.push(`mapping id ${mapping.id} is 0 or used twice`);
    if (mapping.limit < mapping.start) problems.push(`mapping ${mapping.id} ends before it starts`);
    mappingIds.add(mapping.id);
  }
  for (const [id, fn] of profile.functions) {
    if (id <= 0 || fn.id !== id) problems.push(`function ${id} is filed under another id`);
  }
  for (const [id, location] of profile.locations) {
    if (id <= 0 || location.id !== id) problems.push(`location ${id} is filed under another id`);
    if (location.mappingId !== 0 && !mappingIds.has(location.mappingId)) {
      problems.push(`location ${id} refers to mapping ${location.mappingId}, which is not there`);
    }
    for (const line of location.lines) {
      if (!profile.functions.has(line.functionId)) {
        problems.push(`location ${id} refers to function ${line.functionId}, which is not there`);
      }
    }
  }
  profile.samples.forEach((sample, index) => {
    const columns = profile.sampleTypes.length;
    if (sample.values.length !== columns || sample.variances.length !== columns) {
      problems.push(`sample ${index} has not ${columns} values and variances`);
    }
    if (sample.stack.length === 0) problems.push(`sample ${index} has no stack`);
    for (const id of sample.stack) {
      if (!profile.locations.has(id)) problems.push(`sample ${index} refers to location ${id}, which is not there`);
    }
    if (!sample.values.every(Number.isFinite)) problems.push(`sample ${index} has a value that is not finite`);
    if (!sample.variances.every((variance) => Number.isFinite(variance) && variance >= 0)) {
      problems.push(`sample ${index} has a variance that is negative or not finite`);
    }
  });
  return problems;
}
