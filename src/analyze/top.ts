import { INUSE_SPACE, type Profile } from '../model/profile.js';
import { type Group, group } from './group.js';

/** The biggest sites by one column, bytes in use unless told; sites with nothing in that column are left out. */
export function topSites(profile: Profile, count = 10, column: 0 | 1 | 2 | 3 = INUSE_SPACE): Group[] {
  return group(profile, 'site', column, count).filter((site) => site.values[column] !== 0);
}
